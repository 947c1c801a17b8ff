"""`python -m ml.serving`, where only the ML environment is installed."""

from ml.serving.commands import serve_model

if __name__ == "__main__":
    serve_model(prog_name="python -m ml.serving")
