"""Messages of applying pipelines to files."""


class Errors:
    X901 = "Found no column '{field}' for the text; there are: {found}. Expected one: name it with --text."
    X902 = "Found a {found} for a text; expected a string. Correct it, or remove it."
    X903 = "The data has {taken} already, where predictions go; expected other names, so that nothing is lost. Give e.g. --prefix predicted_, which makes predicted_{first}."
    X904 = "pyarrow can't be imported ({error}); expected it for Parquet, Ray and Spark. Install the extra: pip install 'spacy-xling[parquet]'."
    X905 = "{path}, line {line}: the text can't be scored ({error}). Correct the line, or give --rejects."
    X906 = "{path} can't be read ({error}); expected a whole Parquet file. Write it again, or leave it out."
    X907 = "The predictions can't be written to a row of {path} ({error}); expected none with the delimiter where quotes are text. Leave --no-quotes out, or write .jsonl."
    X908 = "The output {path} is of another kind than the input; expected one that ends in {expected}. Rename it."
    X909 = "A worker died ({error}); expected memory for a pipeline in each. Take fewer with --n-process, and continue with --resume: nothing is lost."
    X910 = "Found the shard {found!r}; expected a number and a count, from 1/1 on, as 2/8. Correct --shard."
    X911 = "The shard {shard} of {path} has none of its {files} files; expected at least one. Take no more shards than files."
    X912 = "Found the engine {found!r}; expected one of {expected}. Correct --engine."
    X913 = "{library} can't be imported ({error}); expected it for --engine {engine}. Install the extra: pip install 'spacy-xling[{engine}]'."
    X914 = "{engine} can't be started or reached ({error}); expected {expected}. Fix that, or leave --engine out."
    X915 = "Found --address with the engine {found}; expected ray or spark, whose cluster it names. Leave it out."
