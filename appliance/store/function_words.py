"""Words that make a sentence a question and say nothing of its matter, in the languages that the box has voices for.

How seldom a word is tells it from others in large collections only: a manual of fifty passages may have "which" once.
"""

from __future__ import annotations

from typing import Final

ENGLISH: Final = """
a about all also am an and any are as at be been but by can could did do does doing for from get go had has have how i
if in into is isn it its just may me might must my no not of off on or our ought shall she should so some such t s
than that the their them then there these they this those to too under up us was we were what when where which while
who whom whose why will with would you your yours
"""
GERMAN: Final = """
aber als am an auch auf aus bei bin bis da das dass dem den der des die dies diese dieser dieses doch du durch ein
eine einem einen einer eines er es euch für hat hatte ich ihm ihn ihr im in ist ja kann kein keine man mein meine mich
mir mit muss nach nicht noch nur ob oder sich sie sind so über um und uns unser vom von vor wann war warum was wenn
wer werden wie wieso wir wird wo zu zum zur
"""
FRENCH: Final = """
à au aux avec ce ces cet cette comment dans de des du elle en est et eux il ils je la le les leur lui ma mais me mes
moi mon ne nos notre nous on ou où par pas pour pourquoi qu quand que quel quelle quelles quels qui quoi sa se ses son
sont sur ta te tes toi ton tu un une vos votre vous
"""
SPANISH: Final = """
al algo como cómo con cual cuál cuando cuándo cuánto de del desde donde dónde el él ella en entre es esta está este
esto la las le lo los me mi mis muy no nos o para pero por porque puedo qué que quien quién se ser si sí sin son su
sus te tu tus un una uno y ya yo
"""
FUNCTION_WORDS: Final = frozenset(f"{ENGLISH} {GERMAN} {FRENCH} {SPANISH}".split())
