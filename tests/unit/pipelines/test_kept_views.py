"""Views of Beam's options are made once, and what one of them sets all others see."""

from __future__ import annotations

import copy
import gc
import weakref

from apache_beam.options.pipeline_options import DirectOptions, PipelineOptions, StandardOptions

from trueserve.pipelines.beam.kept_views import KeptViews
from trueserve.pipelines.beam.options import beam_options

FLAGS = ["--direct_num_workers=3", "--streaming"]


def test_a_view_is_made_once_and_is_beams() -> None:
    options, plain = KeptViews(FLAGS, runner="x"), PipelineOptions(FLAGS, runner="x")
    for kind in (StandardOptions, DirectOptions):
        assert options.view_as(kind) is options.view_as(kind)
        assert type(options.view_as(kind)) is kind
        assert str(options.view_as(kind)) == str(plain.view_as(kind))
    assert options.get_all_options() == plain.get_all_options()


def test_commands_have_them() -> None:
    assert type(beam_options([])) is KeptViews


def test_what_is_set_is_seen_in_all_views() -> None:
    options = KeptViews(FLAGS)
    before = options.view_as(StandardOptions)
    options.view_as(DirectOptions).view_as(StandardOptions).runner = "x"
    assert before.runner == options.view_as(StandardOptions).runner == "x"
    assert options.get_all_options()["runner"] == "x"


def test_a_copy_has_views_of_its_own() -> None:
    options = KeptViews(FLAGS)
    options.view_as(StandardOptions).runner = "x"
    other = copy.deepcopy(options)
    other.view_as(StandardOptions).runner = "y"
    assert options.view_as(StandardOptions).runner == "x"
    assert other.view_as(DirectOptions).direct_num_workers == 3
    assert type(other) is KeptViews


def test_views_do_not_outlive_the_options() -> None:
    options = KeptViews(FLAGS)
    view = weakref.ref(options.view_as(StandardOptions))
    del options
    gc.collect()
    assert view() is None
