"""Works, versions, assets, drafts, presets, prompts, shared links, and the index of words."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the first tables."""
    op.create_table(
        "works",
        sa.Column("key", sa.Integer, primary_key=True),
        sa.Column("id", sa.String(32), nullable=False, unique=True),
        sa.Column("owner", sa.String(200), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("title", sa.String(300), nullable=False),
        sa.Column("created", sa.Float, nullable=False),
        sa.Column("changed", sa.Float, nullable=False),
        sa.Column("favourite", sa.Boolean, nullable=False),
        sa.Column("trashed", sa.Float),
        sa.Column("latest", sa.Integer, nullable=False),
        sa.Column("model", sa.String(200), nullable=False),
        sa.Column("rating", sa.Integer),
        sa.Column("cover", sa.String(64)),
        sa.Column("bytes", sa.BigInteger, nullable=False),
        sa.Column("origin", sa.String(80)),
    )
    op.create_index("works_changed", "works", ["owner", "trashed", "changed", "key"])
    op.create_index("works_title", "works", ["owner", "title"])
    op.create_table(
        "tags",
        sa.Column("work", sa.Integer, _of("works.key"), primary_key=True),
        sa.Column("tag", sa.String(60), primary_key=True, index=True),
    )
    op.create_table(
        "versions",
        sa.Column("key", sa.Integer, primary_key=True),
        sa.Column("work", sa.Integer, _of("works.key"), nullable=False, index=True),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("parent", sa.Integer),
        sa.Column("created", sa.Float, nullable=False),
        sa.Column("how", sa.String(20), nullable=False),
        sa.Column("asked", sa.JSON, nullable=False),
        sa.Column("settings", sa.JSON, nullable=False),
        sa.Column("made", sa.JSON, nullable=False),
        sa.Column("model", sa.String(200), nullable=False),
        sa.Column("seconds", sa.Float),
        sa.Column("tokens", sa.Integer),
        sa.UniqueConstraint("work", "number"),
    )
    op.create_table(
        "marks",
        sa.Column("version", sa.Integer, _of("versions.key"), primary_key=True),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("rating", sa.Integer),
        sa.Column("why", sa.String(500), nullable=False),
        sa.Column("rated", sa.Float),
    )
    op.create_table(
        "assets",
        sa.Column("digest", sa.String(64), primary_key=True),
        sa.Column("suffix", sa.String(12), nullable=False),
        sa.Column("bytes", sa.BigInteger, nullable=False),
        sa.Column("created", sa.Float, nullable=False),
        sa.Column("origin", sa.Text),
    )
    op.create_table(
        "version_files",
        sa.Column("version", sa.Integer, _of("versions.key"), primary_key=True),
        sa.Column("place", sa.Integer, primary_key=True),
        sa.Column("digest", sa.String(64), sa.ForeignKey("assets.digest"), nullable=False, index=True),
        sa.Column("role", sa.String(20), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
    )
    op.create_table(
        "drafts",
        sa.Column("owner", sa.String(200), primary_key=True),
        sa.Column("tab", sa.String(20), primary_key=True),
        sa.Column("work", sa.String(32), primary_key=True),
        sa.Column("state", sa.JSON, nullable=False),
        sa.Column("assets", sa.JSON, nullable=False),
        sa.Column("saved", sa.Float, nullable=False),
    )
    op.create_table(
        "presets",
        sa.Column("owner", sa.String(200), primary_key=True),
        sa.Column("tab", sa.String(20), primary_key=True),
        sa.Column("name", sa.String(100), primary_key=True),
        sa.Column("fields", sa.JSON, nullable=False),
    )
    op.create_table(
        "prompts",
        sa.Column("key", sa.Integer, primary_key=True),
        sa.Column("owner", sa.String(200), nullable=False),
        sa.Column("tab", sa.String(20), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("used", sa.Float, nullable=False),
        sa.UniqueConstraint("owner", "tab", "digest"),
    )
    op.create_index("prompts_used", "prompts", ["owner", "tab", "used"])
    op.create_table(
        "shares",
        sa.Column("token", sa.String(64), primary_key=True),
        sa.Column("version", sa.Integer, _of("versions.key"), nullable=False, index=True),
        sa.Column("created", sa.Float, nullable=False),
    )
    op.create_table(
        "intakes", sa.Column("folder", sa.Text, primary_key=True), sa.Column("at", sa.Float, nullable=False)
    )
    _words()


def _of(column: str) -> sa.ForeignKey:
    return sa.ForeignKey(column, ondelete="CASCADE")


def _words() -> None:
    if op.get_bind().dialect.name == "sqlite":
        # Which words a text has is all that is asked, not where.
        op.execute("CREATE VIRTUAL TABLE works_words USING fts5(words, detail='none', tokenize='unicode61')")
        return
    op.execute(
        "CREATE TABLE works_words (work integer PRIMARY KEY REFERENCES works(key) ON DELETE CASCADE, words tsvector)"
    )
    op.execute("CREATE INDEX works_words_found ON works_words USING gin (words)")
