"""Messages of losses."""


class Errors:
    X401 = "Found mlm_weight = {found} at step {step}; expected 0 or more. Set e.g. mlm_weight = 0.1, or 0 for classification only."
    X402 = "Found a weight of {found} for label '{label}'; expected 0 or more. Correct the label weights."
    X403 = "Found weights for labels {unknown}; expected labels of the component, which are {labels}. Correct the label weights under [components.NAME.objective.classification]."
    X404 = "Found label_smoothing = {found}; expected 0 to below 1. Set e.g. label_smoothing = 0.1."
    X405 = "Found gamma = {found}; expected 0 or more. Set e.g. gamma = 2.0."
    X406 = "Found a {found} for mlm_weight; expected a number or a function of the step. Use one of the schedules spacy-xling.constant.v1, warmup.v1, linear.v1, exponential.v1 or warmup_linear.v1; thinc's own are generators, and can't be saved or copied."
