from transforms.lint.finding import LintFinding as LintFinding
from transforms.lint.gate import RULES as RULES
from transforms.lint.gate import refusals as refusals
from transforms.lint.lint import lint_saved_model as lint_saved_model
from transforms.lint.locate import with_sources as with_sources
