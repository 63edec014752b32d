"""Tests of the cross-validators and of the tasks they draw."""

import pickle

import numpy as np
import pytest
from sklearn import config_context
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.neighbors import KNeighborsClassifier

from sklearn_siamese_speaker.model_selection import NShotKWaySplit, SeenUnseenSplit, SpeakerKFold
from sklearn_siamese_speaker.model_selection._tasks import SpeakerPool, _distinct

SPEAKERS = np.array(["ana", "ben", "eva", "kim", "lea", "tom"])


@pytest.fixture
def speakers():
    """Six speakers with 4 to 9 recordings each, out of order."""
    y = np.repeat(SPEAKERS, [4, 5, 6, 7, 8, 9])
    return np.random.RandomState(0).permutation(y)


@pytest.fixture
def sessions(speakers):
    return np.random.RandomState(1).choice(["mon", "tue", "wed"], len(speakers))


def test_support_and_query_are_different_recordings_of_the_same_speakers_in_label_order(speakers):
    support, query = NShotKWaySplit(2, 3, 2, n_tasks=200, random_state=0).tasks(speakers)
    assert support.shape == (200, 3, 2)
    assert query.shape == (200, 3, 2)
    recordings = np.concatenate([support, query], axis=2)
    assert all(len(np.unique(task)) == 12 for task in recordings)
    of_task = speakers[recordings[:, :, 0]]
    assert np.array_equal(speakers[recordings], np.repeat(of_task[:, :, np.newaxis], 4, axis=2))
    assert (of_task[:, :-1] < of_task[:, 1:]).all()


@pytest.mark.filterwarnings("ignore:.* tasks ask each of")
def test_all_speakers_and_recordings_are_drawn_equally_often():
    y = np.repeat(np.arange(6), 5)
    support, query = NShotKWaySplit(1, 2, 1, n_tasks=30_000, random_state=0).tasks(y)
    for drawn in (support, query):  # each recording is expected 2,000 times, +-44
        assert np.abs(np.bincount(drawn.ravel()) - 2000).max() < 250


def test_splits_are_the_tasks_one_by_one(speakers):
    tasks = NShotKWaySplit(2, 3, 2, n_tasks=7, random_state=0)
    splits = list(tasks.split(speakers, speakers))
    support, query = tasks.tasks(speakers)
    assert len(splits) == tasks.get_n_splits() == 7
    for (train, test), shots, queries in zip(splits, support, query, strict=True):
        assert np.array_equal(train, shots.ravel())
        assert np.array_equal(test, queries.ravel())


def test_query_and_support_of_a_speaker_share_no_session(speakers, sessions):
    tasks = NShotKWaySplit(2, 3, 2, n_tasks=300, random_state=0)
    with pytest.warns(UserWarning, match="1 of 6 speakers in y are left out"):
        support, query = tasks.tasks(speakers, sessions)
    in_support = sessions[support][:, :, :, np.newaxis]
    in_query = sessions[query][:, :, np.newaxis]
    assert not (in_support == in_query).any()
    recordings = np.concatenate([support, query], axis=2)
    assert all(len(np.unique(task)) == 12 for task in recordings)
    assert (speakers[recordings] == speakers[recordings[:, :, :1]]).all()


def test_session_tasks_reach_every_recording_that_can_stand_there():
    y = np.repeat([0, 1], [6, 4])
    groups = np.array([0, 0, 0, 1, 1, 2, 0, 0, 1, 1])
    support, query = NShotKWaySplit(2, 2, 1, n_tasks=500, random_state=0).tasks(y, groups)
    assert np.array_equal(np.unique(support), np.arange(10))
    assert np.array_equal(np.unique(query), np.arange(10))


def test_a_speaker_whose_sessions_can_be_divided_in_one_way_only_is_divided_that_way():
    # 3 shots and 2 queries out of sessions of 1, 3 and 1 recordings: only {3} against {1, 1}.
    y = np.repeat([0, 1], 5)
    groups = np.tile([0, 1, 1, 1, 2], 2)
    support, query = NShotKWaySplit(3, 2, 2, n_tasks=50, random_state=0).tasks(y, groups)
    assert (np.sort(support, axis=2) == [[1, 2, 3], [6, 7, 8]]).all()
    assert (np.sort(query, axis=2) == [[0, 4], [5, 9]]).all()


@pytest.mark.filterwarnings("ignore:.* tasks ask each of")
def test_every_division_of_the_sessions_is_equally_likely():
    # Sessions of one recording each: each of the 5 x 4 (support, query) pairs, 1,000 times.
    y, groups = np.repeat([0, 1], 5), np.tile(np.arange(5), 2)
    support, query = NShotKWaySplit(1, 2, 1, n_tasks=20_000, random_state=0).tasks(y, groups)
    counts = np.bincount(support[:, 0, 0] * 5 + query[:, 0, 0], minlength=25).reshape(5, 5)
    assert (np.diag(counts) == 0).all()
    assert np.abs(counts[~np.eye(5, dtype=bool)] - 1000).max() < 150


def test_same_random_state_draws_the_same_tasks_and_another_draws_others(speakers):
    first, again = (NShotKWaySplit(random_state=0).tasks(speakers) for _ in range(2))
    other = NShotKWaySplit(random_state=1).tasks(speakers)
    assert np.array_equal(first[0], again[0])
    assert np.array_equal(first[1], again[1])
    assert not np.array_equal(first[0], other[0])


@pytest.mark.parametrize("by_session", [False, True])
@pytest.mark.parametrize("block_size", [1, 7, 1000])
def test_tasks_do_not_depend_on_the_block_size(speakers, sessions, by_session, block_size):
    groups = sessions if by_session else None
    tasks = NShotKWaySplit(2, 3, n_tasks=20, random_state=0)
    blocks = list(tasks.task_blocks(speakers, groups, block_size=block_size))
    assert len(blocks) == -(-20 // block_size)
    for drawn, expected in zip(
        zip(*blocks, strict=True), tasks.tasks(speakers, groups), strict=True
    ):
        assert np.array_equal(np.concatenate(drawn), expected)


@pytest.mark.filterwarnings("ignore:.* tasks ask each of")
def test_blocks_stay_small_when_there_are_many_tasks(speakers):
    blocks = NShotKWaySplit(n_tasks=10**9, random_state=0).task_blocks(speakers)
    support, _ = next(blocks)
    assert support.shape[0] < 10**6


def test_distinct_picks_every_ordered_pair_equally_often():
    uniforms = np.random.RandomState(0).random_sample((12_000, 2))
    picked = _distinct(np.full(12_000, 4), uniforms)
    counts = np.bincount(picked[:, 0] * 4 + picked[:, 1], minlength=16).reshape(4, 4)
    assert (np.diag(counts) == 0).all()
    assert np.abs(counts[~np.eye(4, dtype=bool)] - 1000).max() < 120


def test_too_few_speakers_raise_with_the_numbers_before_the_first_task():
    y = np.repeat(["ana", "ben", "eva", "tom"], [2, 2, 2, 1])
    with pytest.raises(ValueError, match="k_way") as error:
        NShotKWaySplit(k_way=5).split(y, y)
    assert str(error.value) == (
        "k_way=5 needs at least 5 speakers with 2 recordings (n_shots=1 + n_queries=1) each, "
        "got 3 of 4 speakers in y."
    )


def test_too_few_sessions_raise_with_the_numbers():
    y, groups = np.repeat([0, 1, 2], 4), np.repeat([0, 1, 2], 4)
    with pytest.raises(ValueError, match="k_way") as error:
        NShotKWaySplit(k_way=2).split(y, y, groups)
    assert str(error.value) == (
        "k_way=2 needs at least 2 speakers with 2 recordings in separate sessions "
        "(n_shots=1 + n_queries=1) each, got 0 of 3 speakers in y."
    )


def test_speakers_left_out_are_counted_in_one_warning_and_never_drawn():
    y = np.repeat(["ana", "ben", "eva", "tom"], [3, 2, 5, 3])
    with pytest.warns(UserWarning, match="left out") as caught:
        support, _ = NShotKWaySplit(2, 2, n_tasks=50, random_state=0).tasks(y)
    assert [str(warning.message) for warning in caught] == [
        "1 of 4 speakers in y are left out of the tasks: they have fewer than 3 recordings "
        "(n_shots=2 + n_queries=1)."
    ]
    assert set(y[support].ravel()) == {"ana", "eva", "tom"}


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ({"n_shots": 0}, ValueError, "n_shots must be at least 1, got 0."),
        ({"k_way": 1}, ValueError, "k_way must be at least 2, got 1."),
        ({"n_queries": 0}, ValueError, "n_queries must be at least 1, got 0."),
        ({"n_tasks": 2.5}, TypeError, "n_tasks must be an integer, got 2.5."),
    ],
)
def test_wrong_parameters_are_named(speakers, parameters, error, message):
    with pytest.raises(error) as caught:
        NShotKWaySplit(**parameters).tasks(speakers)
    assert str(caught.value) == message


def test_missing_speakers_are_named():
    with pytest.raises(ValueError, match="n-shot k-way reads the speakers from y, got y=None"):
        NShotKWaySplit().split(np.zeros((3, 1)))


def test_tasks_work_in_cross_validation_and_search(speakers):
    X = np.random.RandomState(0).normal(size=(len(speakers), 3))
    tasks = NShotKWaySplit(k_way=3, n_tasks=6, random_state=0)
    assert cross_val_score(KNeighborsClassifier(1), X, speakers, cv=tasks).shape == (6,)
    search = GridSearchCV(KNeighborsClassifier(1), {"metric": ["cosine"]}, cv=tasks)
    assert search.fit(X, speakers).n_splits_ == 6


def test_groups_reach_the_tasks_through_cross_validation(speakers, sessions):
    X = np.arange(len(speakers))[:, np.newaxis]
    tasks = NShotKWaySplit(2, 3, n_tasks=20, random_state=0)
    expected = [tuple(test) for _, test in tasks.split(X, speakers, sessions)]

    def tested(**passed):
        seen = []
        knn = KNeighborsClassifier(1)
        cross_val_score(
            knn,
            X,
            speakers,
            cv=tasks,
            scoring=lambda _, X, y: seen.append(tuple(X[:, 0])) or 0.0,
            **passed,
        )
        return seen

    assert tested(groups=sessions) == expected
    with config_context(enable_metadata_routing=True):
        assert tested(params={"groups": sessions}) == expected


@pytest.mark.parametrize(
    ("splitter", "text"),
    [
        (
            NShotKWaySplit(k_way=3),
            "NShotKWaySplit(k_way=3, n_queries=1, n_shots=1, n_tasks=100, random_state=None)",
        ),
        (SpeakerKFold(3), "SpeakerKFold(n_splits=3, random_state=None, shuffle=False)"),
        (
            SeenUnseenSplit(),
            "SeenUnseenSplit(random_state=None, seen_size=0.25, unseen_size=0.25)",
        ),
    ],
)
def test_splitters_have_a_repr_and_survive_pickling_and_cloning(splitter, text):
    assert " ".join(repr(splitter).split()) == text
    for copy in (pickle.loads(pickle.dumps(splitter)), clone(splitter, safe=False)):
        assert repr(copy) == repr(splitter)


@pytest.mark.parametrize("shuffle", [False, True])
def test_folds_share_no_speaker_and_test_every_recording_once(speakers, shuffle):
    folds = SpeakerKFold(3, shuffle=shuffle, random_state=0 if shuffle else None)
    splits = list(folds.split(speakers, speakers))
    assert len(splits) == folds.get_n_splits() == 3
    for train, test in splits:
        assert not set(speakers[train]) & set(speakers[test])
        assert np.array_equal(np.sort([*train, *test]), np.arange(len(speakers)))
    tested = np.concatenate([test for _, test in splits])
    assert np.array_equal(np.sort(tested), np.arange(len(speakers)))


def test_shuffled_folds_follow_the_random_state(speakers):
    def first_test(seed):
        folds = SpeakerKFold(3, shuffle=True, random_state=seed)
        return next(iter(folds.split(speakers, speakers)))[1].tolist()

    assert first_test(0) == first_test(0)
    assert len({tuple(first_test(seed)) for seed in range(5)}) > 1


def test_folds_read_the_speakers_from_y_whatever_the_groups(speakers, sessions):
    by_y = [test.tolist() for _, test in SpeakerKFold(3).split(speakers, speakers)]
    with_groups = SpeakerKFold(3).split(speakers, speakers, sessions)
    assert by_y == [test.tolist() for _, test in with_groups]


def test_more_folds_than_speakers_raise_with_the_numbers():
    y = ["ana", "ana", "ben"]
    with pytest.raises(ValueError, match=r"n_splits=5 needs at least 5 speakers in y, got 2\."):
        SpeakerKFold().split(y, y)
    with pytest.raises(ValueError, match="SpeakerKFold reads the speakers from y, got y=None"):
        SpeakerKFold().split(y)


def test_seen_speakers_are_trained_on_and_unseen_ones_are_not(speakers):
    cv = SeenUnseenSplit(unseen_size=0.5, seen_size=0.5, random_state=0)
    (train, seen), (same_train, unseen) = cv.split(speakers, speakers)
    assert cv.get_n_splits() == 2
    assert np.array_equal(train, same_train)
    assert set(speakers[seen]) == set(speakers[train])
    assert len(set(speakers[unseen])) == 3
    assert not set(speakers[unseen]) & set(speakers[train])
    assert np.array_equal(np.sort([*train, *seen, *unseen]), np.arange(len(speakers)))
    for speaker in set(speakers[seen]):
        total = (speakers == speaker).sum()
        assert (speakers[seen] == speaker).sum() == round(total / 2)


def test_seen_recordings_are_held_out_by_session(speakers, sessions):
    cv = SeenUnseenSplit(random_state=0)
    (train, seen), _ = cv.split(speakers, speakers, sessions)
    for speaker in set(speakers[seen]):
        trained = set(sessions[train][speakers[train] == speaker])
        assert trained
        assert not trained & set(sessions[seen][speakers[seen] == speaker])


def test_a_speaker_with_one_recording_is_trained_on_or_unseen():
    y = np.array([0, 1, 2, 3])
    (train, seen), (_, unseen) = SeenUnseenSplit(random_state=0).split(y, y)
    assert len(seen) == 0
    assert (len(train), len(unseen)) == (3, 1)


def test_seen_unseen_split_says_what_it_lacks():
    with pytest.raises(ValueError, match="SeenUnseenSplit needs at least 2 speakers in y, got 1"):
        SeenUnseenSplit().split([1, 2], ["ana", "ana"])
    with pytest.raises(ValueError, match="unseen_size must be a share between 0 and 1, got 3"):
        SeenUnseenSplit(unseen_size=3).split([1, 2], ["ana", "ben"])


def test_a_pool_counts_the_speakers_that_can_be_divided(speakers, sessions):
    for n_shots, n_queries in [(1, 1), (3, 2), (5, 1)]:
        pool = SpeakerPool(speakers, sessions, n_shots, n_queries)
        possible = [_can_be_divided(sessions[speakers == s], n_shots, n_queries) for s in SPEAKERS]
        assert (pool.n_speakers, pool.n_left_out) == (sum(possible), 6 - sum(possible))


def _can_be_divided(sessions, n_shots, n_queries):
    """Try every subset of the sessions for the queries."""
    names, sizes = np.unique(sessions, return_counts=True)
    subsets = (np.arange(2 ** len(names))[:, np.newaxis] >> np.arange(len(names))) & 1
    in_query = subsets @ sizes
    return bool(((in_query >= n_queries) & (sizes.sum() - in_query >= n_shots)).any())


def test_more_tasks_than_the_speakers_support_are_said():
    y = np.repeat(np.arange(6), 4)
    tasks = NShotKWaySplit(n_shots=1, k_way=3, n_tasks=2001, random_state=0)
    with pytest.warns(UserWarning, match="2001 tasks ask each of 6 speakers 1000 times"):
        tasks.tasks(y)


@pytest.mark.filterwarnings("error")
def test_the_default_number_of_tasks_is_never_too_many():
    y = np.repeat(np.arange(5), 4)
    NShotKWaySplit(n_shots=1, k_way=5, n_tasks=1000, random_state=0).tasks(y)


@pytest.mark.parametrize("missing", [None, float("nan")])
def test_a_missing_label_is_refused_with_its_place(missing):
    with pytest.raises(ValueError, match=r"Unknown label type: y\[2\] is"):
        NShotKWaySplit(k_way=2).tasks(["a", "a", missing, "b", "b", "b"])
