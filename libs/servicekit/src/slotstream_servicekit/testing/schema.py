"""Whether migrations make what the code declares: everything in the catalogue, not tables alone."""

from typing import Final

from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine

from slotstream_servicekit.schema import DatabaseSchema
from slotstream_servicekit.testing.databases import DatabaseForge, FreshDatabase

_OURS: Final = "n.nspname = 'public' AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = {oid} AND d.deptype = 'e')"
_QUERIES: Final = {
    "extension": "SELECT extname, extname FROM pg_extension",
    "table": f"""
        SELECT c.relname, concat_ws(' ', c.relkind, c.reloptions::text, c.relrowsecurity, c.relforcerowsecurity,
                                    c.relacl::text, obj_description(c.oid))
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relkind IN ('r', 'v', 'm', 'S', 'c') AND {_OURS.format(oid="c.oid")}
    """,
    "column": f"""
        SELECT c.relname || '.' || a.attname,
               concat_ws(' ', format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity, a.attgenerated,
                         pg_get_expr(v.adbin, v.adrelid))
        FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
        LEFT JOIN pg_attrdef v ON v.adrelid = a.attrelid AND v.adnum = a.attnum
        WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'c') AND {_OURS.format(oid="c.oid")}
    """,
    "constraint": f"""
        SELECT r.conrelid::regclass || '.' || r.conname, pg_get_constraintdef(r.oid)
        FROM pg_constraint r JOIN pg_namespace n ON n.oid = r.connamespace WHERE {_OURS.format(oid="r.oid")}
    """,
    "index": f"""
        SELECT c.relname, pg_get_indexdef(c.oid)
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relkind = 'i' AND {_OURS.format(oid="c.oid")}
    """,
    "function": f"""
        SELECT p.oid::regprocedure::text, pg_get_functiondef(p.oid) || coalesce(p.proacl::text, '')
        FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
        WHERE p.prokind IN ('f', 'p') AND {_OURS.format(oid="p.oid")}
    """,
    "trigger": """
        SELECT t.tgrelid::regclass || '.' || t.tgname, pg_get_triggerdef(t.oid)
        FROM pg_trigger t WHERE NOT t.tgisinternal
    """,
    "policy": """
        SELECT tablename || '.' || policyname, concat_ws(' ', permissive, roles::text, cmd, qual, with_check)
        FROM pg_policies WHERE schemaname = 'public'
    """,
}
_MIGRATIONS_OWN: Final = "alembic_version"


async def differences_from_code(forge: DatabaseForge, schema: DatabaseSchema) -> list[str]:
    """What a migrated database and one made from `schema` do not have in common; empty when they are equal."""
    migrated = await _described(forge, forge.make(schema.service))
    declared = await _described(forge, forge.make(schema.service, migrated=False), schema)
    return [
        f"{name}:\n  migrated: {migrated.get(name)}\n  declared: {declared.get(name)}"
        for name in sorted(migrated.keys() | declared.keys())
        if migrated.get(name) != declared.get(name)
    ]


async def _described(
    forge: DatabaseForge, database: FreshDatabase, schema: DatabaseSchema | None = None
) -> dict[str, str]:
    engine = create_async_engine(database.owner_url)
    try:
        async with engine.begin() as connection:
            if schema is not None:
                await connection.run_sync(schema.create)
            return await connection.run_sync(_catalogue)
    finally:
        await engine.dispose()
        await database.database.dispose()
        forge.drop(database.name)


def _catalogue(connection: Connection) -> dict[str, str]:
    return {
        f"{kind} {name}": definition
        for kind, query in _QUERIES.items()
        for name, definition in connection.execute(text(query.replace(":", r"\:")))
        if not name.startswith(_MIGRATIONS_OWN)
    }
