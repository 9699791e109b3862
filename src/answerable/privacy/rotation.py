"""Master keys come and go: data keys are wrapped anew, and what no key opens is found at start."""

from sqlalchemy import Connection

from answerable.privacy import store
from answerable.privacy.keys import MasterKey, WrongMasterKey
from answerable.privacy.sealing import key_context


def rewrap(tx: Connection, old: MasterKey, new: MasterKey, *, limit: int = 1000) -> int:
    """Moves at most `limit` data keys from the old master key to the new; how many were moved.

    Repeat until 0. Values are untouched, and a Vault that knows both keys works throughout.
    """
    rows = store.keys_under(tx, old.id, limit)
    # In the order in which keys are locked to write with.
    for row in sorted(rows, key=lambda row: (row.tenant, row.contact_id)):
        context = key_context(row.tenant, row.contact_id)
        wrapped = new.wrap(old.unwrap(row.wrapped_key, context), context)
        store.replace_wrapping(
            tx, row.tenant, row.contact_id,
            before=row.wrapped_key, wrapped_key=wrapped, master_key_id=new.id,
        )  # fmt: skip
    return len(rows)


def check_master_keys(tx: Connection, *masters: MasterKey) -> None:
    """Raises WrongMasterKey if some data can be opened by none of `masters`; call it at start."""
    held = {key.id for key in masters}
    for wanted in sorted(store.master_key_ids(tx) - held):
        raise WrongMasterKey(wanted=wanted, held=", ".join(sorted(held)))
