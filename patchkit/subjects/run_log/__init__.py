"""The results.csv of a finished ultralytics run: what it was really trained with, by its learning rates.

A row holds the rates after the last iteration of its epoch. Iteration i of warm-up gives the weights `i / n` of the
rate of the epoch, n the iterations of warm-up, and the biases the rest of the way from `warmup_bias_lr`. So the rows
during warm-up tell n and the iterations of an epoch, and with the number of images the batch; the rows after it are a
line, or half a cosine, from `lr0` to `lr0 * lrf`.

Source   ultralytics 8.1.34 engine/trainer.py:215-221, 330, 366-376, 421, 452, 607-609; 8.4.190 engine/trainer.py:
         276-279, 522-538, 645, 992-994. The biases are the first of three groups up to 8.3.253, the last since 8.4.0;
         MuSGD has eight groups, of which four have three times the rate.
"""
