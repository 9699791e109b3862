"""Long complaints of sentences of our own, none of which is said twice in one letter.

Of 24 beginnings, 24 middles and 12 ends 6,912 sentences are made, so that two letters of some
twenty have few in common: what is read once and remembered helps no more than in real mail.
"""

import random
from collections.abc import Iterator

BEGINNINGS = (
    "Last Monday",
    "Two weeks ago",
    "On the first visit",
    "When I came back in March",
    "During my lunch break",
    "Shortly before closing time",
    "After a long wait at the door",
    "As I had been asked to",
    "On the telephone the day before",
    "While other customers were listening",
    "In the branch near the station",
    "At the second counter",
    "To my surprise",
    "For the third time this year",
    "Although I had an appointment",
    "In front of my children",
    "Without any explanation",
    "Despite my letter of January",
    "Once I had found the right room",
    "As my husband can confirm",
    "Before I could sit down",
    "Later that afternoon",
    "Contrary to what your leaflet says",
    "When I asked for the manager",
)
MIDDLES = (
    "the adviser did not look at the papers I had brought",
    "a young man at the desk told me to come another day",
    "nobody could find the form that I had signed",
    "I was sent from one room to the next",
    "your colleague laughed about my question",
    "the lady at the entrance refused to give me her name",
    "I had to repeat the whole story from the beginning",
    "somebody had lost the copy of my passport",
    "the lift was out of order and no one offered to help my mother",
    "I waited for fifty minutes without being called",
    "two employees discussed their holidays beside me",
    "the meeting was cancelled a minute before it began",
    "I was given a leaflet in a language that I do not read",
    "my notes were put into a drawer and forgotten",
    "the person in charge had already gone home",
    "a contract was put before me that we had never spoken about",
    "I heard that my case had been closed",
    "the machine for the queue printed no number",
    "an assistant spoke to me as if I were a child",
    "the promised call back never came",
    "I learnt that the opening hours had been changed",
    "they asked for a document that does not exist in my country",
    "the guard told me to stand outside in the rain",
    "my complaint was not written down",
)
ENDS = (
    ", and I would like to know why.",
    ", which I find hard to believe.",
    ".",
    ", and nobody said that they were sorry.",
    ", although I had asked politely.",
    ", so I left without an answer.",
    ", and my whole morning was gone.",
    ", as I have already told your head office.",
    ", which a neighbour of mine has seen too.",
    ", and I expect an answer to this in writing.",
    ", so that I am thinking of leaving after many years.",
    ", and it was not the first time either.",
)


def sentences(chance: random.Random) -> Iterator[str]:
    """All of them, in an order of chance; none twice."""
    ways = len(BEGINNINGS), len(MIDDLES), len(ENDS)
    for number in chance.sample(range(ways[0] * ways[1] * ways[2]), ways[0] * ways[1] * ways[2]):
        rest, end = divmod(number, ways[2])
        beginning, middle = divmod(rest, ways[1])
        yield f"{BEGINNINGS[beginning]} {MIDDLES[middle]}{ENDS[end]}"
