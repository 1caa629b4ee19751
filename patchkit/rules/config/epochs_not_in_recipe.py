"""The training is not as long as in the recipe.

What         `epochs` differs from the number that the model was trained for.
Why          YOLOv10 was trained for 500 epochs from scratch; the default of every release is 100. The learning rate
             is spread over `epochs`, so a short training is not the beginning of a long one: its AP cannot be held
             against the paper.
Example      `epochs: 100` for yolov10x.
Fix safety   unsafe: the training takes longer in proportion, and fine-tuning needs fewer epochs.
References   arXiv:2405.14458, Table 14.
"""

from patchkit.findings import Severity
from patchkit.recipes.compare import differs_in
from patchkit.rule import Example, Rule
from patchkit.subjects.config import MODEL, TRAIN

RULE = Rule(
    __name__,
    Severity.WARNING,
    (TRAIN, MODEL),
    differs_in(
        "epochs",
        why="the learning rate is spread over all epochs, so a training of another length is another one",
        safe=False,
    ),
    (Example("model: yolov10x.yaml\nepochs: 100\n", "model: yolov10x.yaml\nepochs: 500\n"),),
)
