# SPDX-License-Identifier: Apache-2.0
"""Which requests the stub breaks, and how.

| kind | what happens |
|---|---|
| throttle | refused as too fast; `delay` seconds are told in Retry-After when given |
| error | `status` with `code`, in the `form` json, xml, html, empty or garbage |
| reset-before | the connection is reset before the request was read |
| reset-after | the work is done, then the connection is reset |
| half | the work is done, half of the answer comes |
| crc | the work is done, x-amz-crc32 is of something else |
| md5 | a received job has the MD5 of something else |
| hang | the request is read; no answer until the fault is removed |
| latency | `delay` seconds first |
| partial | `entries` of each batch (a share) are refused with `code` |
| lose | SQS: jobs are taken and dropped |
| double | SQS: jobs are queued twice |
"""

import dataclasses
import random
import threading

KINDS = ('throttle', 'error', 'reset-before', 'reset-after', 'half', 'crc', 'md5', 'hang', 'latency', 'partial', 'lose',
         'double')


@dataclasses.dataclass(eq=False)
class Fault:
    kind: str
    service: str | None = None  # None: every one
    operation: str | None = None
    times: int | None = None  # None: until removed
    share: float = 1.0  # of the requests
    delay: float | None = None
    status: int = 500
    code: str = 'InternalError'
    form: str = 'json'
    entries: float = 0.5
    hits: int = 0
    over: bool = False


class Faults:
    """Faults in force. Any thread."""

    def __init__(self, seed=1):
        self._lock = threading.Lock()
        self._random = random.Random(seed)
        self._faults = []

    def add(self, kind, service=None, operation=None, **more):
        assert kind in KINDS, kind
        fault = Fault(kind, service, operation, **more)
        with self._lock:
            self._faults.append(fault)
        return fault

    def remove(self, fault):
        with self._lock:
            fault.over = True
            if fault in self._faults:
                self._faults.remove(fault)

    def clear(self):
        with self._lock:
            for fault in self._faults:
                fault.over = True
            self._faults.clear()

    def strike(self, service, operation, kinds=KINDS):
        """The faults of these kinds that hit this request; `operation` is None where it is not known yet."""
        struck = []
        with self._lock:
            for fault in list(self._faults):
                if (fault.kind not in kinds or fault.service not in (None, service)
                        or fault.operation not in (None, operation) or self._random.random() >= fault.share):
                    continue
                fault.hits += 1
                struck.append(fault)
                if fault.times is not None and fault.hits >= fault.times:
                    self._faults.remove(fault)
        return struck

    def chosen(self, fault, count):
        """Which of `count` entries a partial failure hits: at least one, and never all unless there is one only."""
        with self._lock:
            wanted = min(max(1, round(count * fault.entries)), max(1, count - 1))
            return set(self._random.sample(range(count), wanted)) if count else set()
