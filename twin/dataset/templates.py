"""The wording of instructions: at least eight paraphrases per task, chosen by hash.

Slots: {noun} kind of text, {topic} the document's subject, {heading} the section path, {previous} the paragraph
before, {question}, {words} a rounded length, {shape} a measured form, {keywords} of the output, {name} and {language}
of a piece of code, {where} its file and repository.
"""

TEMPLATES: dict[str, tuple[str, ...]] = {
    "post": (
        "Write a {noun} about {topic}.",
        "Draft a {noun} on the subject of {topic}.",
        "I need a {noun} on {topic}. Write it as you would publish it.",
        "Share your thoughts on {topic} in a {noun}.",
        "Compose a {noun} that deals with {topic}.",
        "What would you publish about {topic}? Write the {noun}.",
        "Tell your readers about {topic}, as a {noun}.",
        "Put {topic} into a {noun} of your own.",
    ),
    "opening": (
        "Write the opening of your {noun} “{topic}”.",
        "How does your {noun} titled “{topic}” begin?",
        "Start a {noun} called “{topic}”.",
        "Draft the introduction to “{topic}”, a {noun} of yours.",
        "You are writing a {noun}: “{topic}”. Write its first paragraphs.",
        "Open the {noun} “{topic}” in your usual way.",
        "Give me the beginning of a {noun} about “{topic}”.",
        "Introduce “{topic}” to the readers of your {noun}.",
    ),
    "section": (
        "In your {noun} “{topic}”, write the part “{heading}”.",
        "Write the section “{heading}” of a {noun} on “{topic}”.",
        "Your {noun} “{topic}” has a section called “{heading}”. Write it.",
        "What do you say under “{heading}” in “{topic}”?",
        "Fill in the heading “{heading}” of your {noun} “{topic}”.",
        "Explain “{heading}” as part of your {noun} about “{topic}”.",
        "The {noun} is “{topic}”, the heading is “{heading}”. Write what follows.",
        "Write about “{heading}” for the {noun} “{topic}”.",
    ),
    "continuation": (
        "Continue your {noun} “{topic}” after this paragraph:\n\n{previous}",
        "Here is a paragraph of your {noun} on “{topic}”. Write what comes next.\n\n{previous}",
        "Go on from here, in “{topic}”:\n\n{previous}",
        "You wrote the following in “{topic}”. How does the {noun} go on?\n\n{previous}",
        "Pick up the thread of “{topic}”:\n\n{previous}",
        "Write the next part of “{topic}”. The last paragraph was:\n\n{previous}",
        "This is where your {noun} “{topic}” stands. Carry on.\n\n{previous}",
        "Follow up on this paragraph of the {noun} “{topic}”:\n\n{previous}",
    ),
    "answer": (
        "In the context of “{topic}”: {question}",
        "{question} Answer as you do in your {noun} “{topic}”.",
        "A reader of “{topic}” asks: {question}",
        "You write about “{topic}”. {question}",
        "Answer this question from your {noun} “{topic}”: {question}",
        "On “{topic}”: {question}",
        "{question} (This is about “{topic}”.)",
        "Someone asks you about “{topic}”. {question}",
    ),
    "constrained": (
        "Write about {keywords} in about {words} words, {shape}, for your {noun} “{topic}”.",
        "In roughly {words} words, {shape}: {keywords}, as part of “{topic}”.",
        "Explain {keywords} for a {noun} on “{topic}”. Length: some {words} words; form: {shape}.",
        "Take {keywords} and write around {words} words on them, {shape}. The {noun} is “{topic}”.",
        "For “{topic}”, write a passage on {keywords}: {shape}, near {words} words.",
        "Give me about {words} words, {shape}, about {keywords}. Subject: “{topic}”.",
        "Your {noun} “{topic}” needs a passage that covers {keywords}. Write it {shape}, in about {words} words.",
        "Cover {keywords} within “{topic}”: about {words} words, {shape}.",
    ),
    "code": (
        "Write `{name}` in {language}, for {where}. It deals with {keywords}.",
        "Implement `{name}` ({language}) the way you write code. Keywords: {keywords}. It belongs to {where}.",
        "How would you write `{name}` in {where}? It is {language} and concerns {keywords}.",
        "In {where} we need `{name}`, in {language}, about {keywords}. Write it.",
        "Show me your {language} code of `{name}` from {where}; it is about {keywords}.",
        "Give me the {language} for `{name}`: {keywords}. The file is {where}.",
        "Code `{name}` for {where}. Language: {language}. Subject: {keywords}.",
        "Please write {language} code: `{name}` in {where}, on {keywords}.",
    ),
}
