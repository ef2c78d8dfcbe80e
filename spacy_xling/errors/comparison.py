"""Messages of comparisons and searches."""


class Errors:
    X770 = "The plan has no section {missing}; expected [compare] and [recipes] with a block for each recipe. Start from configs/compare.cfg."
    X771 = "Found the name {name!r}; expected letters, digits, '.', '+', '-' and '_', for the name of its folder. Change it."
    X772 = "The config {config} of '{name}' can't be read with the plan's settings ({error}); expected a config that has each of them. Correct its path, or its settings in the plan."
    X773 = "The plan names the {what} '{name}'; expected one of {known}. Correct the name, or add its block."
    X774 = "Found seeds = {seeds}; expected each once. Remove the duplicates."
    X775 = "The plan of {title} has changed since the run in {folder}: {changes}; expected the same plan, so that results aren't mixed. Undo the changes, choose another --output, or remove that folder."
    X776 = "The config {config} of '{recipe}' doesn't take its seed from the plan; expected training.seed = ${{system.seed}}, so that seeds differ. Correct the config."
    X777 = "Found jobs = {jobs}; expected 1 or more. Give e.g. --jobs 2."
    X778 = "The plan's [compare] has test = null; expected labelled text by language, which recipes are compared on. Give it, with configs/compare.cfg as --paths.test."
    X779 = "Found no {what}; expected one or more. The logs say what failed."
    X780 = "The recipe '{recipe}' has training.max_steps = {steps} and {pieces} pieces per step through an encoder; expected 1 or more of both to equalise compute. Set max_steps, or leave --equal-compute out."
    X781 = "{test} has labelled text of the languages {found}; expected the source '{source}' and one more. Correct `source`, or give test text by language."
    X782 = "Optuna can't be imported ({error}); expected it for a search. Install the extra: pip install 'spacy-xling[search]'."
    X783 = "The plan has no section [search]; expected one with `recipe`, `trials` and ranges of settings. Add it, as configs/compare.cfg shows."
    X784 = 'The range of \'{name}\' is {found}; expected ["uniform", low, high], ["log", low, high] with low above 0, or ["choices", ...]. Correct it under [search.ranges].'
