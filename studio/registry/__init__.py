"""The one registry of models: which exist, where they are now, and who may use them."""

from studio.registry.books import Books
from studio.registry.catalogue.catalogue import Catalogue
from studio.registry.catalogue.engines import ENGINE_GROUP
from studio.registry.catalogue.spec import ModelId, ModelSpec, Source, Task
from studio.registry.errands import in_thread
from studio.registry.lease import REPORT_SECONDS, Lease
from studio.registry.loan import Loan
from studio.registry.memory.devices import Device, HostMemory, find_accelerators
from studio.registry.memory.ledger import Ledger
from studio.registry.memory.measurements import Measurements
from studio.registry.metrics import Metrics
from studio.registry.models.binding import Binding, Estimate, estimate
from studio.registry.models.loaded import Costs, DeviceName, Footprint, Placement, Rung, Shape, Sharing
from studio.registry.registry import Registry
from studio.registry.reporting.journal import Record
from studio.registry.reporting.status import DeviceStatus, Status
from studio.registry.residents import expect_room
from studio.registry.waiter import LoadProgress
from studio.registry.weights.download import storage_failed
from studio.registry.weights.store import SourcesFailed, WeightsStore, told_origin

__all__ = [
    "ENGINE_GROUP",
    "REPORT_SECONDS",
    "Binding",
    "Books",
    "Catalogue",
    "Costs",
    "Device",
    "DeviceName",
    "DeviceStatus",
    "Estimate",
    "Footprint",
    "HostMemory",
    "Lease",
    "Ledger",
    "LoadProgress",
    "Loan",
    "Measurements",
    "Metrics",
    "ModelId",
    "ModelSpec",
    "Placement",
    "Record",
    "Registry",
    "Rung",
    "Shape",
    "Sharing",
    "Source",
    "SourcesFailed",
    "Status",
    "Task",
    "WeightsStore",
    "estimate",
    "expect_room",
    "find_accelerators",
    "in_thread",
    "storage_failed",
    "told_origin",
]
