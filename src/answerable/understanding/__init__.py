"""What a message means: intents with calibrated confidence, scope, language, mood, urgency,
spam, churn and abuse.

Promises: small local models without network or GPU; the same text gives the same numbers whatever
stands beside it in a batch; "automatic" is said only where the asked precision has been shown on
messages the model had not learnt from; a damaged or foreign model file is refused, never guessed.
"""
