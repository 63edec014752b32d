"""Tests of adaptive_s_norm."""

import numpy as np
import pytest

from sklearn_siamese_speaker.metrics import adaptive_s_norm


def test_it_equals_a_loop_written_from_the_paper():
    rng = np.random.default_rng(0)
    scores, enrolment, test = (rng.normal(size=shape) for shape in [50, (50, 30), (50, 30)])
    expected = []
    for i in range(50):
        halves = []
        for cohort in (enrolment[i], test[i]):
            top = sorted(cohort, reverse=True)[:10]
            mean = sum(top) / 10
            halves.append((scores[i] - mean) / (sum((s - mean) ** 2 for s in top) / 10) ** 0.5)
        expected.append(sum(halves) / 2)
    assert adaptive_s_norm(scores, enrolment, test, n_top=10) == pytest.approx(np.array(expected))


def test_a_small_cohort_counts_as_a_whole():
    rng = np.random.default_rng(0)
    sides = rng.normal(size=(2, 5, 8))
    assert (
        adaptive_s_norm(np.zeros(5), *sides) == adaptive_s_norm(np.zeros(5), *sides, n_top=8)
    ).all()


def test_both_sides_count_alike_and_scale_and_offset_cancel():
    rng = np.random.default_rng(0)
    scores, a, b = (rng.normal(size=shape) for shape in [20, (20, 9), (20, 9)])
    normalized = adaptive_s_norm(scores, a, b)
    assert normalized == pytest.approx(adaptive_s_norm(scores, b, a))
    assert normalized == pytest.approx(adaptive_s_norm(3 * scores + 1, 3 * a + 1, 3 * b + 1))


def test_a_cohort_that_says_nothing_is_refused():
    with pytest.raises(ValueError, match="A cohort needs at least 2 recordings, got 1"):
        adaptive_s_norm([0.0], [[1.0]], [[1.0]])
    with pytest.raises(ValueError, match="highest cohort scores of trial 1 do not differ"):
        adaptive_s_norm([0.0, 0.0], [[1.0, 2.0, 3.0], [1.0, 1.0, 1.0]], np.eye(3)[:2])


def test_equal_scores_do_not_differ_by_their_rounding():
    with pytest.raises(ValueError, match="highest cohort scores of trial 0 do not differ"):
        adaptive_s_norm([0.5], [[0.1, 0.1, 0.1]], [[0.1, 0.1, 0.1]])
