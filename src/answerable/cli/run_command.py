"""`answerable run SERVICE…`: serve definitions."""

from collections.abc import Sequence
from pathlib import Path

from answerable.cli.options import add_data, parser, run_async, say, settings
from answerable.processes.first_admin import create_first_admins
from answerable.processes.roles import Role, role_of
from answerable.processes.serving import application, bind, chat_secrets, serve
from answerable.processes.settings import Settings
from answerable.processes.wiring import open_platform


def run(arguments: Sequence[str]) -> int:
    options = parser("run", "Serves one or more service definitions, alone or as one of several.")
    options.add_argument("services", metavar="SERVICE", nargs="+", type=Path)
    add_data(options)
    options.add_argument("--host", default="127.0.0.1", help="address to listen on")
    options.add_argument("--port", type=int, default=8080, help="0: any free one")
    options.add_argument(
        "--database",
        metavar="URL",
        help="PostgreSQL server, for several processes (default: a SQLite file in DIR)",
    )
    options.add_argument("--broker", metavar="URL", help="RabbitMQ, which joins processes")
    options.add_argument("--redis", metavar="URL", help="Redis, for live news among processes")
    options.add_argument(
        "--role",
        choices=[role.value for role in Role],
        help="what this process does; all, unless there are several",
    )
    given = options.parse_args(arguments)
    read = settings(
        given.data,
        DATABASE=given.database,
        BROKER=given.broker,
        REDIS=given.redis,
        ROLE=given.role,
    )
    run_async(_serve(read, given.services, given.host, given.port))
    return 0


async def _serve(read: Settings, services: Sequence[Path], host: str, port: int) -> None:
    listening = bind(host, port)
    platform = await open_platform(read, services, role=role_of(read))
    if platform.role.faces_the_world:
        await create_first_admins(platform)
    app = application(platform, secrets=chat_secrets(read, platform.definitions))
    await serve(app, listening, ready=lambda bound: say(f"ready on http://{host}:{bound}"))
