from tests.conftest import SINGLE, make_examples, textcat_config
import pytest, torch
def test_x(nlp, checkpoints, family):
    tc = nlp.add_pipe("xling_textcat", config=textcat_config(checkpoints(family)))
    exs = make_examples(nlp, SINGLE)
    opt = nlp.initialize(lambda: exs)
    for i in range(20):
        l={}
        nlp.update(exs, sgd=opt, losses=l)
    print(family, l)
