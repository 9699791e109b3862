"""A small bank's intents, for training in seconds; written for these tests."""

from answerable.understanding.examples import Example

SENTENCES = {
    "card-delivery": """Where is my new card?
When will my card arrive?
My card has not come in the post yet
How long does it take to deliver a card?
I am still waiting for my bank card
I ordered a card two weeks ago and it is not here
Can I track the delivery of my card?
Has my new card been sent?
The card you promised has not been delivered
What is the delivery time for a new debit card?
Wo bleibt meine neue Karte?
My replacement card never arrived""",
    "card-lost": """I lost my card
My card was stolen
Please block my card, I can't find it
I think somebody took my card
My wallet is gone with my bank card in it
I left my card in a restaurant and it is gone
How do I report a lost card?
Freeze my card, it is missing
My purse was stolen yesterday
I cannot find my debit card anywhere
Ich habe meine Karte verloren
Someone stole my card on the train""",
    "balance": """What is my balance?
How much money is on my account?
Show me my account balance
Is there enough money on my account?
How much do I have left?
Tell me the balance of my savings account
Can you check what is on my account?
I want to know my current balance
What's in my checking account right now?
How much money do I have?
Wie hoch ist mein Kontostand?
Please tell me my available balance""",
    "transfer-status": """Where is my transfer?
My transfer has not arrived
I sent money on Monday and it is not there yet
The payment to my landlord is still pending
Why does my bank transfer take so long?
When will the recipient get the money?
The wire transfer is stuck
Has my transfer been executed?
My friend did not receive the money I sent
How long do transfers abroad take?
Meine Überweisung ist nicht angekommen
I want to know the status of my transfer""",
    "change-address": """I have moved, please change my address
How do I update my address?
My new address is in Berlin
I want to change my postal address
Please note my new home address
I moved last week, what do I need to do?
Can I change my address online?
Update my street and city please
My address is wrong in your system
We moved house, here is the new address
Ich bin umgezogen, bitte Adresse ändern
Where can I enter my new address?""",
    "fees": """What does the account cost?
How much is the monthly fee?
Why was I charged a fee?
Do I pay for withdrawing cash?
What are the fees for using my card abroad?
Is there a charge for transfers?
How expensive is the premium account?
Please explain the fee on my statement
Are there hidden costs?
What is the price of a second card?
Welche Gebühren fallen an?
List of your fees please""",
}
OUT_OF_SCOPE = """What is the weather in Paris?
Tell me a joke
Who won the football match last night?
How do I bake sourdough bread?
Play some jazz music
What is the capital of Australia?
My cat is sleeping on the sofa
Translate good morning into Italian"""


def bank_examples() -> list[Example]:
    """Six intents with twelve sentences each."""
    return [
        Example(text=text, intents=(name,))
        for name, texts in SENTENCES.items()
        for text in texts.splitlines()
    ]


def strange_examples() -> list[Example]:
    return [Example(text=text, intents=()) for text in OUT_OF_SCOPE.splitlines()]
