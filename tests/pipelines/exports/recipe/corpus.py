"""Sentences that train the tokenizers, and that the cases use."""

ENGLISH = [
    "The cat sleeps on the warm roof.",
    "New York is a city in America, and Paris is a city in France.",
    "She sells sea shells by the sea shore.",
    "A wonderful film, with a surprising end.",
    "The service was slow and the food was cold.",
    "John lives in Berlin and works for Siemens.",
    "Who wrote the letter to the king?",
    "The river flows from the mountains to the sea.",
    "Prices rose by 3.5% in May, said the bank.",
    "I can't believe it's not butter!",
]
ACCENTED = [
    "Zoë visited São Paulo and Zürich.",
    "Le café était fermé à midi.",
    "Die Straße führt über den Fluß.",
    "El niño comió jalapeños en Málaga.",
]
OTHER_SCRIPTS = [
    "東京は日本の首都です。",
    "我喜欢读书。",
    "Москва столица России",
    "I love pizza 🍕 and music 🎵",
]
# Text that only trains tokenizers: it repeats word endings and short words.
TRAINING = [
    "The writer was writing a longer letter about the weather in the northern cities.",
    "Visitors visited the visitor centre, and later walked along the warm river.",
    "Working people work in working cities; reading people read while others are sleeping.",
    "A photo of a cat, a photo of a dog, a photo of a house by the sea.",
    "This example is about sports. This text is about politics, science, music and food.",
    "Slowly and surely the colder winds followed the warmer ones over the roofs.",
    "The best film of the year was followed by the worst film of the year.",
    "He believed that the banker banked in a bank near the river bank in Paris.",
    "Some services are slower than other services; some prices rise faster than others.",
    "She was born in Berlin, lived in New York, and died in America in May.",
    "Nothing is better than a good book, and nobody reads a better book than she does.",
    "They flow, we followed, it is flowing: the mountains stand over the flowing river.",
    "What is the capital of France? Paris is the capital of France and its largest city.",
    "The king answered the letters that were written to him with a single sentence.",
    "Die Stadt Zürich liegt am See, und die Straße führt nach Berlin.",
    "La ville de Paris est la capitale de la France, et le café est fermé.",
]
ALL = ENGLISH + ACCENTED + OTHER_SCRIPTS
