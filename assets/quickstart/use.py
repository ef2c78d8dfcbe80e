"""The trained pipeline in three lines, on a message in each language."""

import spacy

nlp = spacy.load("training/quickstart/joint/model-best")
for doc in nlp.pipe(["Wo bleibt mein Paket?", "¿Cómo cambio mi contraseña?", "чайник сломан"]):
    print(doc.text, "->", max(doc.cats, key=doc.cats.get))
