import math

import pytest
import torch

from sklearn_siamese_speaker.nn import LOSSES, SPACES, CustomLoss, RandomPairs, Triplet

# Three speakers of 3, 2 and 4 recordings, and one of a single recording, out of order.
LABELS = torch.tensor([2, 0, 1, 0, 2, 3, 1, 2, 0, 2])
ALLOWED = [(loss, metric) for loss, kind in LOSSES.items() for metric in kind.metrics]
LEARNED = {"bce": 2, "contrastive": 0, "triplet": 0, "prototypical": 1, "aam": 1}


def build_space(metric, n_dims):
    return SPACES[metric](*[n_dims] * (metric == "weighted_manhattan"))


def build_loss(loss, space, n_dims, n_classes):
    return LOSSES[loss](space, *[n_dims, n_classes] * (loss == "aam"))


def make_batch(metric, loss, spread=1.0, n_dims=3):
    """Return coordinates, the space and the loss, all in double precision, with a unit set."""
    torch.manual_seed(0)
    space = build_space(metric, n_dims).double()
    embeddings = spread * torch.randn(len(LABELS), n_dims, dtype=torch.float64)
    coordinates = space(embeddings).detach()
    loss = build_loss(loss, space, n_dims, n_classes=4).double()
    loss(coordinates, LABELS)  # sets the unit of distances
    return coordinates, space, loss


def distance(space, a, b):
    return space.paired_distances(a[None], b[None]).item()


def all_pairs(coordinates, space):
    n = len(LABELS)
    for i in range(n):
        for j in range(i + 1, n):
            same = bool(LABELS[i] == LABELS[j])
            yield distance(space, coordinates[i], coordinates[j]), same


def mean(values):
    return sum(values) / len(values)


@pytest.mark.parametrize("metric", SPACES)
def test_bce_is_the_balanced_cross_entropy_of_a_sigmoid_over_all_pairs(metric):
    coordinates, space, loss = make_batch(metric, "bce")
    with torch.no_grad():
        loss.log_offset.fill_(0.02)
        loss.log_slope.fill_(-0.1)
    costs = {True: [], False: []}
    for d, same in all_pairs(coordinates, space):
        p = 1 / (1 + math.exp(-loss.scale.item() * (loss.offset.item() - d)))
        costs[same].append(-math.log(p if same else 1 - p))
    expected = (mean(costs[True]) + mean(costs[False])) / 2
    assert loss(coordinates, LABELS).item() == pytest.approx(expected)


@pytest.mark.parametrize("metric", SPACES)
@pytest.mark.parametrize("spread", [1e-3, 1.0, 1e3])
def test_bce_starts_with_logits_of_order_one(metric, spread):
    coordinates, space, loss = make_batch(metric, "bce", spread, n_dims=512)
    distances = space.distances(coordinates, coordinates)
    logits = loss.pair_logits(distances[~torch.eye(len(LABELS), dtype=bool)])
    assert logits.abs().max() < 5
    assert loss.offset.item() == pytest.approx(distances.sum().item() / 90)


def test_the_unit_of_distances_is_set_once_and_is_in_the_state():
    coordinates, space, loss = make_batch("euclidean", "bce")
    offset = loss.offset.item()
    loss(10 * coordinates, LABELS)
    assert loss.offset.item() == offset
    restored = build_loss("bce", space, 3, 4).double()
    restored.load_state_dict(loss.state_dict())
    assert restored(10 * coordinates, LABELS).item() == loss(10 * coordinates, LABELS).item()


def test_the_unit_of_distances_is_not_set_in_eval_mode():
    space = build_space("euclidean", 3)
    loss = build_loss("bce", space, 3, 4).eval()
    loss(5 * torch.randn(4, 3), torch.tensor([0, 0, 1, 1]))
    assert loss.offset.item() == 1


def test_bce_answers_follow_the_distance():
    _, _, loss = make_batch("euclidean", "bce")
    logits = loss.pair_logits(torch.tensor([0.0, 1.0, 2.0]).double() * loss.offset)
    torch.testing.assert_close(logits.detach(), torch.tensor([5.0, 0.0, -5.0]).double())


@pytest.mark.parametrize("metric", SPACES)
def test_contrastive_is_hadsells_equation_over_all_pairs(metric):
    coordinates, space, loss = make_batch(metric, "contrastive")
    unit = mean([d for d, _ in all_pairs(coordinates, space)]) if metric != "cosine" else 1
    costs = {True: [], False: []}
    for d, same in all_pairs(coordinates, space):
        costs[same].append((d / unit) ** 2 / 2 if same else max(0, 1 - d / unit) ** 2 / 2)
    expected = (mean(costs[True]) + mean(costs[False])) / 2
    assert loss(coordinates, LABELS).item() == pytest.approx(expected)


def triplets(coordinates, space, mining):
    """Yield the distances to the positive and the negative of each mined triplet."""
    n = len(LABELS)
    for anchor in range(n):
        d = [distance(space, coordinates[anchor], coordinates[i]) for i in range(n)]
        positives = [d[i] for i in range(n) if LABELS[i] == LABELS[anchor] and i != anchor]
        negatives = [d[i] for i in range(n) if LABELS[i] != LABELS[anchor]]
        if mining == "hard" and positives:
            yield max(positives), min(negatives)
        if mining == "semihard":
            for positive in positives:
                farther = [negative for negative in negatives if negative > positive]
                yield positive, min(farther) if farther else max(negatives)


@pytest.mark.parametrize("metric", SPACES)
@pytest.mark.parametrize("mining", ["semihard", "hard"])
def test_triplet_is_the_mean_hinge_over_the_mined_triplets(metric, mining):
    coordinates, space, _ = make_batch(metric, "bce")
    loss = Triplet(space, margin=0.4, mining=mining)
    n = len(LABELS)
    distances = [distance(space, a, b) for a in coordinates for b in coordinates]
    unit = sum(distances) / n**2 if metric != "cosine" else 1
    hinges = [max(0, (p - q) / unit + 0.4) for p, q in triplets(coordinates, space, mining)]
    assert loss(coordinates, LABELS).item() == pytest.approx(mean(hinges), abs=1e-7)


@pytest.mark.parametrize("metric", SPACES)
def test_prototypical_is_the_cross_entropy_over_means_without_the_query(metric):
    coordinates, space, loss = make_batch(metric, "prototypical")
    power = 2 if metric == "euclidean" else 1
    rows, costs = [], []
    for i, own in enumerate(LABELS):
        row = []
        for speaker in range(4):
            others = [j for j in range(len(LABELS)) if LABELS[j] == speaker and j != i]
            prototype = sum(coordinates[j] for j in others) / max(len(others), 1)
            if not others:
                prototype = torch.zeros(3, dtype=torch.float64)  # a lone recording has no own one
            row.append(distance(space, coordinates[i], prototype) ** power)
        rows.append((row, own, (own == LABELS).sum() > 1))
    unit = mean([d for row, _, _ in rows for d in row])
    for row, own, is_query in rows:
        likelihoods = [math.exp(-10 * d / unit) for d in row]
        if is_query:
            costs.append(-math.log(likelihoods[own] / sum(likelihoods)))
    assert len(costs) == 9
    assert loss(coordinates, LABELS).item() == pytest.approx(mean(costs), abs=1e-6)


def test_aam_is_the_cross_entropy_with_the_own_angle_enlarged():
    coordinates, _, loss = make_batch("cosine", "aam")
    costs = []
    for x, own in zip(coordinates, LABELS, strict=True):
        logits = []
        for speaker, direction in enumerate(loss.directions):
            angle = math.acos((x @ direction / direction.norm()).item())
            logits.append(30 * math.cos(angle + (0.2 if speaker == own else 0)))
        costs.append(math.log(sum(math.exp(v) for v in logits)) - logits[own])
    assert loss(coordinates, LABELS).item() == pytest.approx(mean(costs), abs=1e-6)


def test_aam_keeps_rising_with_the_angle_where_angle_plus_margin_exceeds_pi():
    loss = build_loss("aam", build_space("cosine", 3), 3, 2)
    with torch.no_grad():
        loss.directions[:] = torch.tensor([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    costs = []
    for angle in (math.pi - 0.3, math.pi - 0.1, math.pi - 0.01):
        embedding = torch.tensor([[math.cos(angle), math.sin(angle), 0.0]])
        costs.append(loss(embedding, torch.tensor([0])).item())
    # The other speaker is at a right angle, with a logit of 0; exp(-30) does not show.
    assert costs == pytest.approx(
        [
            -30 * math.cos(math.pi - 0.3 + 0.2),
            -30 * (math.cos(math.pi - 0.1) - 0.2 * math.sin(0.2)),
            -30 * (math.cos(math.pi - 0.01) - 0.2 * math.sin(0.2)),
        ],
        rel=1e-5,
    )
    assert costs == sorted(costs)


@pytest.mark.parametrize(("loss", "metric"), ALLOWED)
def test_gradients_are_those_of_finite_differences(loss, metric):
    coordinates, _, loss = make_batch(metric, loss)
    parameters = [p for p in loss.parameters() if p.requires_grad]

    def value(x, *ignored):
        return loss(x, LABELS)

    x = coordinates.clone().requires_grad_()
    assert torch.autograd.gradcheck(value, (x, *parameters), check_undefined_grad=False)


@pytest.mark.parametrize(("loss", "metric"), ALLOWED)
def test_every_parameter_of_a_loss_learns(loss, metric):
    n_learned = LEARNED[loss] + (metric == "weighted_manhattan")
    coordinates, space, loss = make_batch(metric, loss)
    loss(space(coordinates.clone().requires_grad_()), LABELS).backward()
    learned = [p for p in loss.parameters() if p.grad is not None and p.grad.abs().max() > 0]
    assert len(learned) == len(list(loss.parameters())) == n_learned


@pytest.mark.parametrize(("loss", "metric"), ALLOWED)
def test_a_speaker_with_one_recording_counts_as_another_speaker(loss, metric):
    coordinates, _, loss = make_batch(metric, loss)
    coordinates.requires_grad_()
    loss(coordinates, LABELS).backward()
    (lone,) = torch.nonzero(LABELS == 3)
    assert coordinates.grad[lone].abs().max() > 0


@pytest.mark.parametrize(("loss", "metric"), ALLOWED)
@pytest.mark.parametrize("labels", [[0], [0, 1], [0, 0], [0, 0, 0], [0, 0, 1]])
def test_tiny_batches_have_finite_losses_and_gradients(loss, metric, labels):
    space = build_space(metric, 3)
    loss = build_loss(loss, space, 3, n_classes=2)
    embeddings = torch.randn(len(labels), 3, generator=torch.Generator().manual_seed(0))
    embeddings.requires_grad_()
    value = loss(space(embeddings), torch.tensor(labels))
    value.backward()
    assert torch.isfinite(value)
    assert torch.isfinite(embeddings.grad).all()


@pytest.mark.parametrize(("loss", "metric"), ALLOWED)
def test_equal_embeddings_have_finite_losses_and_gradients(loss, metric):
    space = build_space(metric, 3)
    loss = build_loss(loss, space, 3, n_classes=4)
    embeddings = torch.ones(len(LABELS), 3, requires_grad=True)
    value = loss(space(embeddings), LABELS)
    value.backward()
    assert torch.isfinite(value)
    assert torch.isfinite(embeddings.grad).all()


@pytest.mark.parametrize(("loss", "metric"), ALLOWED)
def test_the_order_of_a_batch_and_the_names_of_its_speakers_do_not_matter(loss, metric):
    name = loss
    coordinates, _, loss = make_batch(metric, loss)
    order = torch.randperm(len(LABELS), generator=torch.Generator().manual_seed(1))
    expected = loss(coordinates, LABELS).item()
    assert loss(coordinates[order], LABELS[order]).item() == pytest.approx(expected)
    if name != "aam":
        renamed = torch.tensor([7, 5, 3, 1])[LABELS]
        assert loss(coordinates, renamed).item() == pytest.approx(expected)


@pytest.mark.parametrize("loss", [name for name, kind in LOSSES.items() if kind.takes_pairs])
def test_random_pairs_feed_the_first_half_of_a_batch_against_the_second(loss):
    coordinates, _, loss = make_batch("euclidean", loss)
    pairs = [(i, i + 5) for i in range(5)]
    distances = torch.stack([(coordinates[i] - coordinates[j]).norm() for i, j in pairs])
    same = torch.tensor([bool(LABELS[i] == LABELS[j]) for i, j in pairs])
    assert same.tolist() == [False, False, False, True, True]
    assert RandomPairs(loss)(coordinates, LABELS).item() == pytest.approx(
        loss.pair_loss(distances, same).item()
    )


@pytest.mark.parametrize(("loss", "metric"), ALLOWED)
def test_gradient_descent_brings_speakers_apart(loss, metric):
    torch.manual_seed(0)
    space = build_space(metric, 8)
    compared_in = build_space("cosine", 8) if loss == "aam" else space  # it learns angles
    loss = build_loss(loss, space, 8, n_classes=4)
    embeddings = torch.nn.Parameter(torch.randn(16, 8))
    labels = torch.arange(4).repeat(4)
    parameters = {id(p): p for p in [embeddings, *space.parameters(), *loss.parameters()]}
    optimizer = torch.optim.Adam(parameters.values(), lr=0.05)
    for _ in range(150):
        optimizer.zero_grad()
        loss(space(embeddings), labels).backward()
        optimizer.step()
    coordinates = space(embeddings).detach()
    distances = compared_in.distances(coordinates, coordinates)
    same = labels[:, None] == labels
    assert distances[same].mean() < distances[~same].mean() / 2


@pytest.mark.parametrize(
    ("loss", "arguments", "sentence"),
    [
        ("contrastive", {"margin": -1.0}, "Contrastive needs margin to be a number in"),
        ("triplet", {"margin": "wide"}, "Triplet needs margin to be a number in .*, got 'wide'."),
        ("triplet", {"mining": "easy"}, "mining to be 'semihard' or 'hard', got 'easy'."),
        ("aam", {"margin": 4.0}, r"AdditiveAngularMargin needs margin to be .* got 4.0."),
        ("aam", {"scale": None}, "AdditiveAngularMargin needs scale to be a number"),
    ],
)
def test_a_loss_that_cannot_be_is_refused(loss, arguments, sentence):
    with pytest.raises((ValueError, TypeError), match=sentence):
        LOSSES[loss](build_space("cosine", 3), *[3, 2] * (loss == "aam"), **arguments)


def test_the_parameters_of_a_loss_of_the_user_are_the_losses():
    class Mine(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = torch.nn.Parameter(torch.tensor(2.0))

        def forward(self, embeddings, labels):
            return self.weight * embeddings.sum() + labels.sum()

    mine = Mine()
    loss = CustomLoss(build_space("euclidean", 2), mine)
    value = loss(torch.ones(2, 2), torch.tensor([0, 1]))
    assert value.item() == 9
    assert [p is mine.weight for p in loss.parameters()] == [True]
