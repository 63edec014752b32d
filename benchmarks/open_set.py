"""A threshold for unknown speakers, calibrated on some speakers and applied to others.

    SKLEARN_SIAMESE_SPEAKER_SPEECH=folder python benchmarks/open_set.py [--quick]

The threshold is to accept 1 % of unknown recordings when 20 speakers are enrolled. It is chosen on
train speakers of speechocean762 and tried on its test speakers, of whom 20 are enrolled at a time
and the others unknown. That takes 111 speakers to calibrate on; so the encoder is trained on the
40 others. A second one is trained on the very speakers its threshold is chosen on, to show what
that does.
"""

import argparse
import os

import numpy as np
from _speech import load_frames, select
from sklearn.frozen import FrozenEstimator

from sklearn_siamese_speaker import FramePooling, OneShotClassifier, SiameseSpeakerEncoder
from sklearn_siamese_speaker._torch import use_whole_machine
from sklearn_siamese_speaker.model_selection import open_set_score

TARGET_FAR, N_ENROLLED, N_TO_TRAIN, N_REPEATS = 0.01, 20, 40, 50
ERRORS = {
    "false_accept": "unknown recordings accepted",
    "false_reject": "enrolled speakers rejected",
    "misidentification": "enrolled speakers taken for another",
}


def calibrate_and_apply(encoder, calibration, test, n_shots):
    """Choose the threshold on `calibration`, and print the errors there and on `test`."""
    who = OneShotClassifier(FrozenEstimator(encoder)).fit(*calibration)
    who.calibrate_threshold(*calibration, TARGET_FAR, n_enrolled=N_ENROLLED, n_shots=n_shots)
    found = who.calibration_
    report = open_set_score(
        who, *test, n_enrolled=[N_ENROLLED], n_shots=[n_shots], n_repeats=N_REPEATS
    )
    print(
        f"  {n_shots} recordings each, threshold {who.threshold:.4g}; unknown recordings accepted "
        f"in calibration {found['false_accept_rate']:.4f}, "
        f"at most {found['false_accept_bound']:.4f} (95 %)"
    )
    for error, name in ERRORS.items():
        rate, lower, upper = (report[f"{error}_{key}"][0, 0] for key in ("rate", "lower", "upper"))
        print(f"    {name:36}{rate:.4f} [{lower:.4f}, {upper:.4f}]", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="train one epoch, to see that it runs")
    max_epochs = {"max_epochs": 1} if parser.parse_args().quick else {}
    if "SKLEARN_SIAMESE_SPEAKER_SPEECH" not in os.environ:
        parser.error(
            "set SKLEARN_SIAMESE_SPEAKER_SPEECH to the folder that holds speechocean762.csv"
        )
    use_whole_machine()
    frames, y, split = load_frames("speechocean762")
    names = np.random.RandomState(0).permutation(np.unique(y[split == "train"]))
    few, many = (select(frames, y, np.isin(y, part)) for part in np.split(names, [N_TO_TRAIN]))
    test = select(frames, y, split == "test")
    encoder = SiameseSpeakerEncoder(random_state=0, **max_epochs)
    print(
        f"{len(names) - N_TO_TRAIN} speakers calibrate; of {len(np.unique(test[1]))} others "
        f"{N_ENROLLED} enrol and the rest is unknown, {N_REPEATS} times; target {TARGET_FAR:.0%}; "
        "in brackets 95 % intervals over speakers"
    )
    for name, system, learned_from in [
        ("MFCC statistics", FramePooling(), few),
        (f"encoder of {N_TO_TRAIN} other speakers", encoder, few),
        ("encoder of the speakers who calibrate", encoder, many),
    ]:
        print(f"\n{name}", flush=True)
        system.fit(*learned_from)
        for n_shots in (1, 5):
            calibrate_and_apply(system, many, test, n_shots)


if __name__ == "__main__":
    main()
