"""Text messages through Twilio, or a gateway that speaks as it does.

Sends each message at most once, and says so where it does not know; believes only reports that the
gateway has signed. Tells nobody a number or a text.
"""
