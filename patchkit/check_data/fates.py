"""What each trainer does with each kind of defect: the table in fates.json, by rule and trainer."""

OUTCOMES = {
    "crash": "stops the training",
    "wrong-class": "trains the wrong class, silently",
    "wrong-box": "trains a wrong box, silently",
    "drops-image": "drops the whole image",
    "drops-row": "drops the row",
    "trains-on-it": "trains on it",
    "mended": "mends it",
    "ignored": "is not affected",
}
TRAINERS = ("ultralytics", "yolov10", "paddledetection", "mlcommons", "torchvision", "crossentropy")
