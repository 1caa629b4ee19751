"""Logs of trainings, small and anonymous: the messages of the articles and of public reports; what is read in them."""

import io

from patchkit.diagnose.run import diagnose
from patchkit.rule import Sign, load_rules
from patchkit.subjects.train_log.log import TrainLog, read_train_log

RULES = load_rules("patchkit.rules.log")
SIGNS = [sign for rule in RULES for sign in rule.signs]
BLOCKING = "CUDA_LAUNCH_BLOCKING=1 <your command>"

ASYNCHRONOUS = """\
CUDA kernel errors might be asynchronously reported at some other API call, so the stacktrace below might be incorrect.
For debugging consider passing CUDA_LAUNCH_BLOCKING=1
Compile with `TORCH_USE_CUDA_DSA` to enable device-side assertions.
"""
OPTIONS = (
    "engine/trainer: task=detect, mode=train, model={model}, data={data}, epochs=500, batch=256, device={device}, "
    "optimizer=auto, lr0=0.01, scale=0.5, mixup=0.0, copy_paste=0.0, project=None, name=train, "
    "save_dir=runs/detect/train\n"
)
ROW = "      1/100      3.21G      {0}      {0}      {0}         12        640:  12%|█▏        | 8/66 [00:03<00:21]"


def options(model: str = "yolov10n.yaml", data: str = "my.yaml", device: str = "None") -> str:
    """The line that ultralytics prints when a training starts."""
    return OPTIONS.format(model=model, data=data, device=device)


def cublas(root: str) -> str:
    """The crash of YOLOv10 in the decode of its distribution; `root` is where ultralytics lies."""
    return (
        f"{ROW.format('1.402')}\n"
        "Traceback (most recent call last):\n"
        '  File "train.py", line 5, in <module>\n'
        "    model.train(data='my.yaml', epochs=100)\n"
        f'  File "{root}/ultralytics/engine/trainer.py", line 379, in _do_train\n'
        "    step(batch)\n"
        f'  File "{root}/ultralytics/utils/loss.py", line 201, in bbox_decode\n'
        "    pred_dist = pred_dist.view(b, a, 4, c // 4).softmax(3).matmul(self.proj.type(pred_dist.dtype))\n"
        "RuntimeError: CUDA error: CUBLAS_STATUS_INVALID_VALUE when calling "
        "`cublasSgemv(handle, op, m, n, &alpha, a, lda, x, incx, &beta, y, incy)`\n"
    )


def assertions(kernel: str, said: str, count: int = 3) -> str:
    """What the threads of a kernel print."""
    return "".join(
        f"../aten/src/ATen/native/cuda/{kernel}: block: [0,0,0], thread: [{thread},0,0] Assertion `{said}` failed.\n"
        for thread in range(count)
    )


INDEX = '-sizes[i] <= index && index < sizes[i] && "index out of bounds"'
SCATTER = 'idx_dim >= 0 && idx_dim < index_size && "index out of bounds"'
CLASSES = "t >= 0 && t < n_classes"
RETINANET = (
    "Epoch: [0]  [  120/36571]  eta: 5:11:31  lr: 0.000018  loss: 1.6347 (1.6347)  classification: 1.1716 (1.1716)\n"
    + assertions("IndexKernel.cu:92: operator()", INDEX)
    + "Traceback (most recent call last):\n"
    '  File "/workspace/ssd/train.py", line 270, in <module>\n'
    "    main(args)\n"
    '  File "/workspace/ssd/engine.py", line 36, in train_one_epoch\n'
    "    loss_dict = model(images, targets)\n"
    '  File "/opt/conda/lib/python3.10/site-packages/torch/nn/modules/module.py", line 1501, in _call_impl\n'
    "    return forward_call(*args, **kwargs)\n"
    '  File "/workspace/ssd/model/retinanet.py", line 143, in compute_loss\n'
    "    losses.append(one)\n"
    "RuntimeError: CUDA error: device-side assert triggered\n" + ASYNCHRONOUS
)
PPYOLOE = (
    "+ python tools/train.py -c configs/ppyoloe/ppyoloe_crn_s_300e_coco.yml --eval\n"
    "[08/23 14:30:30] ppdet.engine INFO: Epoch: [0] [  0/339] learning_rate: 0.000000 loss: 2.9 loss_dfl: 1.8\n"
    "Traceback (most recent call last):\n"
    '  File "tools/train.py", line 177, in <module>\n'
    "    main()\n"
    '  File "{root}/ppdet/modeling/heads/ppyoloe_head.py", line 330, in _df_loss\n'
    "    left = cross_entropy(logits, target)\n"
    '  File "/opt/venv/lib/python3.7/site-packages/paddle/nn/functional/loss.py", line 1719, in cross_entropy\n'
    "    label_min.item()))\n"
    "{error}\n"
)
NOTEBOOK = (
    """\
---------------------------------------------------------------------------
RuntimeError                              Traceback (most recent call last)
Cell In[12], line 37
     34 logits = model(imgs.to(device))
     36 # Calculate the cross-entropy loss.
---> 37 loss = criterion(logits, labels.to(device))

File /opt/conda/lib/python3.10/site-packages/torch/nn/modules/module.py:1501, in Module._call_impl(self, *args)
   1499 if not (self._backward_hooks or self._forward_hooks):
-> 1501     return forward_call(*args, **kwargs)

File /opt/conda/lib/python3.10/site-packages/torch/nn/functional.py:3029, in cross_entropy(input, target, weight)
-> 3029 return torch._C._nn.cross_entropy_loss(input, target, weight)

RuntimeError: CUDA error: device-side assert triggered
"""
    + ASYNCHRONOUS
)

# A log of each failure that the articles are about, and the command that comes first.
ARTICLES = {
    "yolov10, installed": (cublas("/opt/venv/lib/python3.11/site-packages"), "patchkit apply yolov10-dfl"),
    "yolov10, the fork": (cublas("/home/me/yolov10"), "patchkit apply yolov10-dfl --path /home/me/yolov10"),
    "yolov10, the message alone": (
        "CUDA error: CUBLAS_STATUS_INVALID_VALUE when calling `cublasSgemv(handle, op, m, n)`\n",
        "patchkit apply yolov10-dfl",
    ),
    "yolov10, the article": (
        "YOLOv10训练过程中CUBLAS_STATUS_INVALID_VALUE错误分析\n"
        '错误信息显示为"CUBLAS_STATUS_INVALID_VALUE",这个错误发生在调用cublasSgemv函数时。\n',
        "patchkit apply yolov10-dfl",
    ),
    "yolov10, the status alone": (
        "RuntimeError: CUDA error: CUBLAS_STATUS_INVALID_VALUE\n",
        "patchkit apply yolov10-dfl",
    ),
    "RetinaNet, the article": (
        '解决训练中RetinaNet的CUDA索引越界问题\n遇到一个CUDA错误:"index out of bounds"。\n',
        "patchkit apply retinanet-label-guard",
    ),
    "RetinaNet, the assertion alone": (
        assertions("IndexKernel.cu:92: operator()", INDEX),
        "patchkit apply retinanet-label-guard",
    ),
    "HW3, the error alone": (
        "RuntimeError: CUDA error: device-side assert triggered\n",
        "patchkit apply cross-entropy-ignore-index --path FILE-OR-FOLDER",
    ),
    "HW3, torch 2.8": (
        NOTEBOOK.replace("RuntimeError: CUDA error", "AcceleratorError: CUDA error")
        .replace("\nRuntimeError ", "\nAcceleratorError ")
        .replace(
            "triggered\n", "triggered\nSearch for `cudaErrorAssert' in https://docs.nvidia.com for more information.\n"
        ),
        "patchkit apply cross-entropy-ignore-index --path NOTEBOOK.ipynb",
    ),
    "several GPUs, the complaint": (
        "模型在COCO数据集上的AP指标明显低于预期值\n",
        "patchkit apply ultralytics-sync-bn",
    ),
    "several GPUs, the options": (
        options("yolov10x.yaml", "coco.yaml", "0,1,2,3,4,5,6,7")
        + "500 epochs completed in 61.204 hours.\nOptimizer stripped from runs/detect/train/weights/last.pt, 64.4MB\n",
        "patchkit audit runs/detect/train/args.yaml --gpus 8",
    ),
    "PP-YOLOE, installed": (
        PPYOLOE.format(
            root="/opt/venv/lib/python3.7/site-packages", error="ValueError: Target -1 is out of lower bound."
        ),
        "patchkit apply ppyoloe-masked-select",
    ),
    "PP-YOLOE, a checkout": (
        PPYOLOE.format(root="/home/me/PaddleDetection", error="ValueError: Target 460 is out of upper bound."),
        "patchkit apply ppyoloe-masked-select --path /home/me/PaddleDetection",
    ),
    "PP-YOLOE, newer": (
        PPYOLOE.format(
            root="/home/me/Paddle Detection",
            error="IndexError: (OutOfRange) label value should less than the shape of axis dimension when label 28",
        ),
        "patchkit apply ppyoloe-masked-select --path '/home/me/Paddle Detection'",
    ),
    "RetinaNet of MLCommons": (
        RETINANET,
        "patchkit apply retinanet-label-guard --path /workspace/ssd/model/retinanet.py",
    ),
    "RetinaNet of torchvision, on a CPU": (
        "Traceback (most recent call last):\n"
        '  File "train.py", line 12, in <module>\n'
        '  File "/v/lib/python3/site-packages/torchvision/models/detection/retinanet.py", line 122, in compute_loss\n'
        "    gt_classes_target[\n"
        "IndexError: index 91 is out of bounds for dimension 1 with size 91\n",
        "patchkit apply retinanet-label-guard",
    ),
    "HW3, a notebook": (NOTEBOOK, "patchkit apply cross-entropy-ignore-index --path NOTEBOOK.ipynb"),
    "HW3, a script": (
        assertions("Loss.cu:250: nll_loss_forward_reduce_cuda_kernel_2d", CLASSES)
        + "Traceback (most recent call last):\n"
        '  File "hw3.py", line 88, in <module>\n'
        "    loss.backward()\n"
        "RuntimeError: CUDA error: device-side assert triggered\n" + ASYNCHRONOUS,
        "patchkit apply cross-entropy-ignore-index --path hw3.py",
    ),
    "HW3, on a CPU": (
        "Traceback (most recent call last):\n"
        '  File "/home/me/hw3.py", line 88, in <module>\n'
        "    loss = criterion(logits, labels)\n"
        '  File "/v/lib/python3.11/site-packages/torch/nn/functional.py", line 3029, in cross_entropy\n'
        "    return torch._C._nn.cross_entropy_loss(\n"
        "IndexError: Target -1 is out of bounds.\n",
        "patchkit apply cross-entropy-ignore-index --path /home/me/hw3.py",
    ),
}

RAISED = 'Traceback (most recent call last):\n  File "train.py", line 7, in <module>\n    main()\n{0}\n'
# Failures that patchkit does not know, and logs without any.
OTHERS = {
    "out of memory": RAISED.format(
        "torch.cuda.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB (GPU 0; 23.69 GiB total capacity)"
    ),
    "interrupted": RAISED.format("KeyboardInterrupt"),
    "no such file": RAISED.format("FileNotFoundError: [Errno 2] No such file or directory: 'data/my.yaml'"),
    "import": RAISED.format("ImportError: libGL.so.1: cannot open shared object file: No such file or directory"),
    "module": RAISED.format("ModuleNotFoundError: No module named 'ultralytics'"),
    "connection": RAISED.format(
        "ConnectionError: HTTPSConnectionPool(host='github.com', port=443): Max retries exceeded"
    ),
    "worker": RAISED.format("RuntimeError: DataLoader worker (pid 4153) is killed by signal: Killed. "),
    "own assertion": RAISED.format("AssertionError: index out of bounds in my own sampler: t >= 0"),
    "own index": RAISED.format("IndexError: index 80 is out of bounds for axis 0 with size 80"),
    "shape": RAISED.format("RuntimeError: The size of tensor a (80) must match the size of tensor b (20)"),
    "weights": RAISED.format("RuntimeError: Error(s) in loading state_dict for Model: size mismatch for head.weight"),
    "segmentation fault": "Fatal Python error: Segmentation fault\n\nThread 0x00007f1c (most recent call first):\n",
    "killed": f"{ROW.format('1.402')}\rKilled\n",
    "a healthy run": (
        options() + "optimizer: 'optimizer=auto' found, ignoring 'lr0=0.01' and 'momentum=0.937' and determining best\n"
        "train: Scanning /data/labels/train... 812 images, 0 backgrounds, 0 corrupt: 100%|██████████| 812/812\n"
        "Starting training for 100 epochs...\n"
        + "".join(f"\r{ROW.format(f'1.{step}')}" for step in range(100, 200))
        + "\nbanana: 1 nanosecond, /home/nancy/loss_nan.py, class 'nan' has 3 images\n"
        "                   all       128        929      0.642      0.537      0.605      0.446\n"
        "100 epochs completed in 1.204 hours.\nOptimizer stripped from runs/detect/train/weights/last.pt, 6.4MB\n"
    ),
    "eight GPUs by the recipe of another model": (
        options("yolo11x.yaml", "coco.yaml", "0,1,2,3,4,5,6,7") + "Optimizer stripped from last.pt, 64.4MB\n"
    ),
    "nothing": "",
    "paddle, another check": RAISED.format(
        "IndexError: (OutOfRange) The index is out of bounds, please check whether the index and input's shape"
    ),
}

README = """\
$ torchrun --nproc_per_node 8 train.py --data-path /data/open-images
Epoch: [0]  [  120/36571]  eta: 5:11:31  lr: 0.000018  loss: 1.6347 (1.6347)  classification: 1.1716 (1.1716)
../aten/src/ATen/native/cuda/IndexKernel.cu:92: operator(): block: [0,0,0], thread: [0,0,0] \
Assertion `-sizes[i] <= index && index < sizes[i] && "index out of bounds"` failed.
Traceback (most recent call last):
  File "/workspace/ssd/train.py", line 270, in <module>
    main(args)
  File "/workspace/ssd/engine.py", line 36, in train_one_epoch
    losses = model(images, targets)
  File "/workspace/ssd/model/retinanet.py", line 143, in compute_loss
    losses.append(one)
RuntimeError: CUDA error: device-side assert triggered
CUDA kernel errors might be asynchronously reported at some other API call, so the stacktrace below might be incorrect.
For debugging consider passing CUDA_LAUNCH_BLOCKING=1
[rank1]:[E ProcessGroupNCCL.cpp:563] [Rank 1] Watchdog caught collective operation timeout: WorkNCCL(SeqNum=81)
"""


def read(data: bytes | str, *signs: Sign) -> TrainLog:
    data = data.encode("utf-8", "surrogateescape") if isinstance(data, str) else data
    return read_train_log(io.BytesIO(data), "train.log", signs or SIGNS)


def found(data: bytes | str) -> list[tuple[str, str, tuple[str, ...]]]:
    """Rule, severity and commands of what is recognised, in the order it is told."""
    data = data.encode() if isinstance(data, str) else data
    done = diagnose(["-"], io.BytesIO(data))
    assert not done.skipped
    return [
        (one.finding.rule, one.finding.severity.value, one.finding.commands)
        for one in done.diagnoses
        if one.finding.severity
    ]


def rules(data: bytes | str) -> list[str]:
    return [rule for rule, severity, _ in found(data) if severity != "note"]


KNOWN = {
    "cublas-refused": "RuntimeError: CUDA error: CUBLAS_STATUS_INVALID_VALUE when calling `cublasGemmEx( handle, opa)`",
    "cublas-out-of-memory": "RuntimeError: CUDA error: CUBLAS_STATUS_NOT_INITIALIZED when calling `cublasCreate()`",
    "cublas-failed": "RuntimeError: CUDA error: CUBLAS_STATUS_EXECUTION_FAILED when calling `cublasSgemm( handle)`",
    "cudnn-mismatch": "RuntimeError: cuDNN version incompatibility: PyTorch was compiled against (8, 9, 2) but found",
    "cudnn-out-of-memory": "RuntimeError: Unable to find a valid cuDNN algorithm to run convolution",
    "cudnn-failed": "RuntimeError: cuDNN error: CUDNN_STATUS_MAPPING_ERROR",
    "unused-parameters": "RuntimeError: Expected to have finished reduction in the prior iteration before starting",
    "sync-bn-on-cpu": "ValueError: SyncBatchNorm expected input tensor to be on GPU or privateuseone",
    "box-without-area": "AssertionError: All bounding boxes should have positive height and width. Found invalid box",
    "yolo-argument-unknown": "SyntaxError: '\x1b[31m\x1b[1mlr\x1b[0m' is not a valid YOLO argument. ",
    "dfl-target-outside-bins": "ValueError: Target(Tensor(shape=[1], dtype=int64, place=CUDAPlace(0)",
}
