"""Rules on the protos of a SavedModel, without loading it. No Beam."""

from transforms.serving.lint.finding import LintFinding as LintFinding
from transforms.serving.lint.gate import RULES as RULES
from transforms.serving.lint.gate import refusals as refusals
from transforms.serving.lint.lint import lint_saved_model as lint_saved_model
from transforms.serving.lint.locate import with_sources as with_sources
