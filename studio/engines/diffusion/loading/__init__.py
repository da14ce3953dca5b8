"""From files to a model in memory: pipelines, ControlNets and other helpers, faster ways, and what it all costs."""
