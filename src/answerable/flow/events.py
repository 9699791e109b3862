"""The catalogue of events: every kind there is, and what it means.

`docs/reference/events.md` is held to this list by a test.
"""

CONVERSATION_EVENTS = {
    "conversation_opened": "A contact began a conversation in an inbox.",
    "message_received": "A message of the contact was stored; its text is in the vault.",
    "contact_known": "The back office said, or failed to say, who the contact is.",
    "understood": "What a message means: intents with confidences, language, mood, urgency, churn.",
    "decided": "What to do about it, and the rules and values that led there.",
    "playbook_started": "The assistant began to carry out a playbook.",
    "step_skipped": "A step's condition did not hold.",
    "looked_up": "Named fields were read from an outside system.",
    "asked": "The contact was asked for something; a timer limits the wait.",
    "answered": "The contact told what was asked for.",
    "waiting": "The playbook lets time pass.",
    "playbook_ended": "The playbook is over, and how.",
    "reply_written": "A reply exists and is part of the conversation; its text is in the vault.",
    "draft_written": "A reply was drafted for a person to send; the contact does not see it.",
    "reply_suppressed": "A reply was not sent, because a limit against loops was reached.",
    "reply_delivered": "A reply left through its channel.",
    "reply_held": "A reply to mail from a file was kept back: it is studied, not sent.",
    "reply_failed": "A reply could not be delivered.",
    "bounced": "A delivered reply came back.",
    "handed_off": "The conversation was given to a team, with a briefing.",
    "alerted": "Teams that must know at once were told.",
    "taken_over": "An agent became the owner.",
    "released": "The agent put the conversation back into a queue.",
    "set_aside": "Nothing will be done: spam, automatic mail, or a playbook's rule.",
    "effect_failed": "Something could not be done after the last attempt.",
    "timer_fired": "A wait was over.",
    "conversation_closed": "The matter is settled.",
    "conversation_reopened": "It was not settled after all.",
}

ADMINISTRATION_EVENTS = {
    "definition_activated": "A service definition, named by its hash, became the one in force.",
    "agent_created": "An agent account was created.",
    "agent_suspended": "An agent account was suspended; its sessions ended.",
    "agent_role_changed": "An agent has another role; their sessions ended.",
    "agent_resumed": "A suspended agent account was allowed in again.",
    "session_opened": "An agent logged in.",
    "session_closed": "An agent's session ended.",
    "session_refused": "A log-in failed.",
    "data_revealed": "A person looked at masked personal data.",
    "export_downloaded": "The ledger was exported.",
    "backup_restored": "This is a restored copy; what may have been sent is not sent again.",
    "model_added": "A trained model became known as a version, by the hash of its manifest.",
    "model_shadowed": "A version reads beside the live one, or no version does any more.",
    "model_promoted": "A version is live: what it understands counts. With it, the comparison.",
    "model_rolled_back": "The version, or the definition's own model, of before is live again.",
    "contact_erased": "A contact's key was destroyed; the chain stays verifiable.",
}
