"""Freeze-thaw in plain Optuna: trainings are paused, and those that promise most go on. No Ray, no xoresnet networks.

    python examples/plain_optuna.py [BUDGET]

Searches perceptrons that tell handwritten digits apart with few parameters. The budget is the cost of so many full
trainings. You can kill the program at any moment and run it again: it continues until the budget is spent. With a
larger budget, it resumes the trials that promise most.
"""

import sys
import time
from pathlib import Path

import joblib
import optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

from xoresnet.search import (
    FreezeThawPruner,
    FreezeThawSampler,
    ask,
    finish,
    last_step,
    pause,
    recover,
    report,
    reports,
    should_prune,
)

EPOCHS = 27
FOLDER = Path("runs/plain_optuna").absolute()  # or a lock that a killed process leaves would never be released
IMAGES, DIGITS = load_digits(return_X_y=True)
TRAIN_X, VAL_X, TRAIN_Y, VAL_Y = train_test_split(IMAGES / 16, DIGITS, random_state=0)


def train(study: optuna.Study, trial: optuna.Trial) -> None:
    """Train until the pruner stops the trial, which is then paused, or to the end."""
    layers = trial.suggest_int("layers", 1, 3)
    width = trial.suggest_int("width", 4, 128, log=True)
    rate = trial.suggest_float("rate", 1e-4, 1e-1, log=True)
    file = checkpoint_of(trial)
    new = MLPClassifier((width,) * layers, learning_rate_init=rate, batch_size=64, random_state=0)
    done, net = joblib.load(file) if file.exists() else (0, new)
    for epoch in range(done + 1, EPOCHS + 1):
        began = time.perf_counter()
        net.partial_fit(TRAIN_X, TRAIN_Y, classes=range(10))
        parameters = sum(weights.size for weights in (*net.coefs_, *net.intercepts_))
        accuracy, seconds = net.score(VAL_X, VAL_Y), time.perf_counter() - began
        report(trial, [accuracy, parameters], epoch, seconds=seconds)  # of a step reported twice, the first counts
        partial = file.with_suffix(".partial")
        joblib.dump((epoch, net), partial)
        partial.replace(file)
        if should_prune(trial):
            pause(trial)
            return
    study.tell(trial, reports(trial)[EPOCHS])
    file.unlink()


def checkpoint_of(trial: optuna.Trial) -> Path:
    """The file for a trial's checkpoint."""
    file = FOLDER / f"{trial.number}.joblib"
    continued = trial.user_attrs.get("rescues")  # a trial that was told PRUNED, and that this one resumes
    if continued is not None and (FOLDER / f"{continued}.joblib").exists():
        (FOLDER / f"{continued}.joblib").rename(file)
    return file


def main(budget: float) -> None:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    FOLDER.mkdir(parents=True, exist_ok=True)
    study = optuna.create_study(
        study_name="plain_optuna",
        storage=JournalStorage(JournalFileBackend(str(FOLDER / "study.journal"))),
        load_if_exists=True,
        directions=["maximize", "minimize"],  # accuracy, parameters
        sampler=FreezeThawSampler(max_steps=EPOCHS, budget=budget),
        pruner=FreezeThawPruner(max_steps=EPOCHS),
    )
    recover(study)  # what was running when the program was killed
    while (trial := ask(study)) is not None:
        goes_on = last_step(trial)
        train(study, trial)
        verb = f"continued from {goes_on}" if goes_on else "began"
        print(f"#{trial.number} {verb}, trained up to epoch {last_step(trial)}")
    paused = finish(study)
    print(f"the budget of {budget:g} full trainings is spent; {len(paused)} trials were paused to the end")
    for best in sorted(study.best_trials, key=lambda best: best.values[1]):
        print(f"#{best.number}: accuracy {best.values[0]:.3f}, {best.values[1]:.0f} parameters, {best.params}")


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 12)
