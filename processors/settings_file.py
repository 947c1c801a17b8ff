"""What is wrong with a settings file, in one line for people: which key, or which line of the file."""

import yaml
from pydantic import ValidationError


def cause(error: Exception, otherwise: str) -> str:
    """Say why a YAML file could not be used.

    Args:
        error: what reading, parsing or validating raised.
        otherwise: what to say when the file holds YAML of another shape.
    """
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        return f"{'.'.join(map(str, first['loc'])) or 'the file'}: {first['msg']}"
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark:
        return f"no YAML at line {error.problem_mark.line + 1}, column {error.problem_mark.column + 1}"
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    return otherwise
