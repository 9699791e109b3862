"""What other systems tell us of their own accord, each under a signature of its own.

Promises: nothing unsigned is believed, and nobody learns from a refusal what is set up here; the
same call again changes nothing; a call is answered with success only when what it told is durable.
"""
