"""`answerable demo`: the demo bank."""

from collections.abc import Sequence

from answerable.cli.options import add_data, parser, run_async, say, settings
from answerable.processes.demo import PASSWORD, PEOPLE, DemoPorts, port_list, run_demo


def run(arguments: Sequence[str]) -> int:
    options = parser("demo", "The demo bank with its outside world, in one process.")
    options.add_argument("--host", default="127.0.0.1")
    options.add_argument("--port", type=int, default=8080)
    options.add_argument("--sandbox-port", type=int, default=8090)
    options.add_argument("--sandbox-smtp-port", type=int, default=2525)
    options.add_argument("--mail-port", type=int, default=2526)
    add_data(options)
    given = options.parse_args(arguments)
    # The demo is one process with a file of its own, whatever the environment names.
    alone = dict.fromkeys(("DATABASE", "BROKER", "REDIS", "ROLE"), "")
    read = settings(given.data or "data/demo", LOG_LEVEL="warning", LOG_FORMAT="text", **alone)
    ports = DemoPorts(
        host=given.host,
        web=given.port,
        sandbox=given.sandbox_port,
        sandbox_smtp=given.sandbox_smtp_port,
        mail_in=given.mail_port,
    )
    say("Starting the demo bank (the first start trains its model, which takes some seconds) …")
    run_async(run_demo(read, ports, ready=_welcome))
    return 0


def _welcome(ports: DemoPorts) -> None:
    width = max(len(what) for what, _ in port_list(ports))
    places = "\n".join(f"  {what:<{width}}  {where}" for what, where in port_list(ports))
    people = "\n".join(f"  {email:<32} {role.value}" for _, email, role in PEOPLE)
    say(
        f"""
Northwind Bank is open.

{places}

Log in to the console (password {PASSWORD}):
{people}

Try this:
  1. On the bank's website choose Anna Schmidt and ask: Where is my new card?
  2. Ask as a visitor: EUR to USD rate?   Then: There is a payment I did not make!
  3. In the console open the queue, read the reasons, take the conversation over and answer.
  4. Write a mail as a customer: When is your branch in Hamburg open?

Stop with Ctrl+C; everything is kept for the next start."""
    )
