# SPDX-License-Identifier: MIT
"""Executes functions of the Image symbolically, as clang compiles them: LLVM's intermediate
representation (the text form of LLVM 14, typed pointers) over bit-vectors of z3.

All paths are followed; a loop is unrolled for as long as a path through it is possible, or cut by
the caller (Machine.cuts). The code is compiled with checks for undefined behaviour that trap, so a
trap that can be reached is an error. Whatever is not known here is an error, too: nothing is
guessed.
"""
import re

import z3

POINTER = 64
INTEGER = re.compile(r"i(\d+)$")
TRAPS = {20: "shift out of range"}


class Unknown(Exception):
    """Something that this executor does not know."""


class Disproved(Exception):
    """What was to be proven does not hold; the counterexample is in the message."""


class Pointer:
    """An address: a byte of an object, or of nothing known."""

    def __init__(self, bytes_, offset):
        self.bytes = bytes_  # a list of one-byte bit-vectors, or None
        self.offset = offset  # a bit-vector

    def plus(self, distance):
        return Pointer(self.bytes, z3.simplify(self.offset + distance))

    def place(self):
        if self.bytes is None or not z3.is_bv_value(self.offset):
            raise Unknown("an access to memory that is not an object")
        return self.offset.as_long()


# ---- types ---------------------------------------------------------------------------------------

class Types:
    """Sizes and offsets, as AArch64 lays them out."""

    def __init__(self, structs):
        self.structs = structs

    def members(self, name):
        return split_list(self.structs[name])

    def align(self, text):
        if text.endswith("*"):
            return 8
        if INTEGER.match(text):
            return (int(INTEGER.match(text)[1]) + 7) // 8
        if text.startswith("%"):
            return max(map(self.align, self.members(text)))
        raise Unknown(f"type {text}")

    def size(self, text):
        if not text.startswith("%") or text.endswith("*"):
            return self.align(text)
        return self.offset(text, len(self.members(text)))

    def offset(self, name, index):
        """Of member @index; one past the last: the size."""
        members, at = self.members(name), 0
        for member in members[:index]:
            at = -(-at // self.align(member)) * self.align(member) + self.size(member)
        align = self.align(members[index] if index < len(members) else name)
        return -(-at // align) * align


def split_list(text):
    """What commas separate outside of brackets."""
    parts, depth, at = [], 0, 0
    for index, char in enumerate(text):
        depth += char in "([{" and 1 or char in ")]}" and -1 or 0
        if char == "," and depth == 0:
            parts.append(text[at:index].strip())
            at = index + 1
    return [part for part in [*parts, text[at:].strip()] if part]


ATTRIBUTES = re.compile(r"\b(noundef|nocapture|readonly|readnone|writeonly|nonnull|zeroext|signext|"
                        r"returned|noalias|immarg|sret\([^)]*\)|byval\([^)]*\)|align \d+|"
                        r"dereferenceable\(\d+\))\s*")


# ---- modules -------------------------------------------------------------------------------------

class Function:
    def __init__(self, name, parameters, lines):
        self.name = name
        self.parameters = parameters  # (type, name)
        self.blocks, current = {}, None
        for line in lines:
            label = re.match(r"([\w.]+):", line)
            if label:
                current = label[1]
                self.blocks[current] = []
            elif line.strip() == "]":
                self.blocks[current][-1] += " ]"
            elif line.startswith("    "):
                self.blocks[current][-1] += " " + line.strip()
            elif line.strip():
                self.blocks[current].append(re.sub(r"( #\d+)?(, !.*)?$", "", line.strip(), count=1))
        self.entry = next(iter(self.blocks))


class Module:
    """Functions and types of some files."""

    def __init__(self):
        self.functions, self.types = {}, Types({})

    def read(self, text):
        self.types.structs.update(re.findall(r"^(%[\w.]+) = type \{ (.*) \}$", text, re.M))
        for head, body in re.findall(r"^define ([^\n]*) \{\n(.*?)^\}", text, re.M | re.S):
            name, arguments = re.match(r".*?@([\w.]+)\((.*?)\) ?(?:local_)?unnamed_addr",
                                       head).groups()
            parameters = [tuple(ATTRIBUTES.sub("", part).rsplit(" ", 1))
                          for part in split_list(arguments)]
            function = Function(name, parameters, body.splitlines())
            other = self.functions.setdefault(name, function)
            if other.blocks != function.blocks:
                raise Unknown(f"two functions {name}")


# ---- execution -----------------------------------------------------------------------------------

class State:
    """One path: what is assumed on it, and memory. Objects are copied when a path forks."""

    def __init__(self, assumed=()):
        self.assumed = list(assumed)
        self.objects = []

    def fork(self):
        state, copies = State(self.assumed), {}
        for bytes_ in self.objects:
            copies[id(bytes_)] = list(bytes_)
            state.objects.append(copies[id(bytes_)])
        return state, copies

    def new(self, size):
        bytes_ = [z3.FreshConst(z3.BitVecSort(8), "memory") for _ in range(size)]
        self.objects.append(bytes_)
        return Pointer(bytes_, z3.BitVecVal(0, POINTER))


def store(pointer, value):
    if isinstance(value, Pointer):
        # Kept as it is, in the first of its bytes.
        pointer.bytes[pointer.place()] = value
        return
    if z3.is_bool(value):
        value = z3.If(value, z3.BitVecVal(1, 8), z3.BitVecVal(0, 8))
    for i in range(value.size() // 8):
        pointer.bytes[pointer.place() + i] = z3.simplify(z3.Extract(8 * i + 7, 8 * i, value))


def load(pointer, size):
    at = pointer.place()
    if isinstance(pointer.bytes[at], Pointer):
        return pointer.bytes[at]
    if at + size > len(pointer.bytes):
        raise Disproved("a load beyond its object")
    parts = pointer.bytes[at:at + size]
    return z3.simplify(z3.Concat(*reversed(parts))) if size > 1 else parts[0]


COMPARE = {"eq": lambda a, b: a == b, "ne": lambda a, b: a != b,
           "ult": z3.ULT, "ule": z3.ULE, "ugt": z3.UGT, "uge": z3.UGE,
           "slt": lambda a, b: a < b, "sle": lambda a, b: a <= b,
           "sgt": lambda a, b: a > b, "sge": lambda a, b: a >= b}
BINARY = {"add": lambda a, b: a + b, "sub": lambda a, b: a - b, "mul": lambda a, b: a * b,
          "and": lambda a, b: a & b, "or": lambda a, b: a | b, "xor": lambda a, b: a ^ b,
          "shl": lambda a, b: a << b, "lshr": z3.LShR, "ashr": lambda a, b: a >> b,
          "udiv": z3.UDiv}
LOGIC = {"and": z3.And, "or": z3.Or, "xor": z3.Xor}


def overflow(kind, a, b):
    """What the intrinsic of that name yields: the result, and whether it is not the true one."""
    signed = kind[0] == "s"
    extend = z3.SignExt if signed else z3.ZeroExt
    result, more = BINARY[kind[1:]](a, b), a.size()
    exact = BINARY[kind[1:]](extend(more, a), extend(more, b))
    return result, extend(more, result) != exact


class Machine:
    """
    Runs functions of a module. @models: by name, Python in place of a function: (state, arguments)
    to what it returns. @cuts: by function and block, what is called on the way into the block: a
    loop's head; (state, phi values by name, first) to new phi values, or None to end the path.
    @wraps: unsigned arithmetic may wrap; otherwise that, too, is an error.
    """

    def __init__(self, module, models=None, cuts=None, wraps=False):
        self.module, self.models, self.cuts = module, models or {}, cuts or {}
        self.wraps = wraps
        self.checks = 0

    # -- solving --

    def possible(self, state, condition):
        condition = z3.simplify(condition)
        if z3.is_true(condition) or z3.is_false(condition):
            return z3.is_true(condition)
        solver = z3.Solver()
        solver.add(*state.assumed, condition)
        return solver.check() != z3.unsat

    def prove(self, state, claim, what):
        """@claim holds wherever @state can be."""
        self.checks += 1
        if z3.is_true(z3.simplify(claim)):
            return
        solver = z3.Solver()
        solver.add(*state.assumed, z3.Not(claim))
        result = solver.check()
        if result == z3.unsat:
            return
        if result != z3.sat:
            raise Unknown(f"{what}: {solver.reason_unknown()}")
        model = solver.model()
        values = ", ".join(f"{name} = {model[name].as_long():#x}" for name in
                           sorted(model.decls(), key=str) if "memory" not in str(name)
                           and isinstance(model[name], z3.BitVecNumRef))
        raise Disproved(f"{what}: not with {values}")

    # -- running --

    def call(self, state, name, arguments):
        """Yields (state, result) for each path through the function."""
        if name in self.models:
            yield state, self.models[name](state, arguments)
            return
        function = self.module.functions.get(name)
        if function is None:
            raise Unknown(f"function {name}")
        if len(arguments) != len(function.parameters):
            raise Unknown(f"parameters of {name}")
        frame = {parameter[1]: value for parameter, value in zip(function.parameters, arguments)}
        yield from self.run(state, function, frame)

    def run(self, state, function, frame):
        work = [(state, frame, function.entry, None, ())]
        while work:
            state, frame, block, previous, seen = work.pop()
            frame = self.enter(state, function, frame, block, previous, block in seen)
            if frame is None:
                continue
            if (function.name, block) in self.cuts:
                seen += (block,)
            for after, values, target, result in self.block(state, function, block, frame):
                if target is None:
                    yield after, result
                else:
                    work.append((after, values, target, block, seen))

    def enter(self, state, function, frame, block, previous, again):
        frame = dict(frame)
        values = {}
        for line in function.blocks[block]:
            phi = re.match(r"(%\S+) = phi (\S+) (.*)", line)
            if not phi:
                break
            sources = dict(reversed(re.match(r"\[ (.*), %(.*) \]", part).groups())
                           for part in split_list(phi[3]))
            values[phi[1]] = self.value(frame, phi[2], sources[previous])
        cut = self.cuts.get((function.name, block))
        if cut:
            values = cut(state, values, not again)
            if values is None:
                return None
        frame.update(values)
        return frame

    def block(self, state, function, block, frame):
        """Yields (state, frame, next block or None, result) for each way out of a block."""
        lines = [line for line in function.blocks[block] if " = phi " not in line]
        work = [(state, frame, 0)]
        while work:
            state, frame, at = work.pop()
            line = lines[at]
            if line.startswith("ret "):
                kind, _, text = line[4:].rpartition(" ")
                yield state, frame, None, self.value(frame, kind, text) if kind else None
            elif line.startswith(("br ", "switch ")):
                for after, target, copies in self.leave(state, frame, line):
                    yield after, rebase(frame, copies), target, None
            elif " call " in f" {line}":
                for after, values in self.call_line(state, dict(frame), line):
                    work.append((after, values, at + 1))
            elif line.startswith("unreachable"):
                raise Unknown(f"{function.name}: the end of a path that was not taken")
            else:
                frame = dict(frame)
                self.instruction(state, frame, line)
                work.append((state, frame, at + 1))

    def leave(self, state, frame, line):
        """The possible ways on from a branch or switch."""
        plain = re.match(r"br label %(\S+)$", line)
        branch = re.match(r"br i1 (\S+), label %(\S+), label %(\S+)$", line)
        if plain:
            yield state, plain[1], None
            return
        if branch:
            condition = self.value(frame, "i1", branch[1])
            ways = [(condition, branch[2]), (z3.Not(condition), branch[3])]
        else:
            kind, text, other, cases = re.match(
                r"switch (\S+) (\S+), label %(\S+) \[ ?(.*) \]", line).groups()
            value = self.value(frame, kind, text)
            ways, rest = [], []
            for number, target in re.findall(r"i\d+ (-?\d+), label %(\S+)", cases):
                same = value == z3.BitVecVal(int(number), value.size())
                ways.append((same, target))
                rest.append(z3.Not(same))
            ways.append((z3.And(*rest), other))
        ways = [way for way in ways if self.possible(state, way[0])]
        if len(ways) == 1:
            yield state, ways[0][1], None
            return
        for condition, target in ways:
            after, copies = state.fork()
            after.assumed.append(condition)
            yield after, target, copies

    def call_line(self, state, frame, line):
        result, name, text = re.match(
            r"(?:(%\S+) = )?(?:tail |musttail )?call .*?@([\w.]+)\((.*)\)$", line).groups()
        arguments = [self.value(frame, *ATTRIBUTES.sub("", part).rsplit(" ", 1))
                     for part in split_list(text) if not part.startswith("metadata")]
        if name.startswith(("llvm.lifetime", "llvm.assume")):
            yield state, frame
        elif name == "llvm.ubsantrap":
            self.prove(state, z3.BoolVal(False),
                       TRAPS.get(arguments[0].as_long(), f"check {arguments[0]}"))
        elif name.startswith("llvm.memcpy"):
            for i in range(arguments[2].as_long()):
                place = arguments[0].place() + i
                arguments[0].bytes[place] = arguments[1].bytes[arguments[1].place() + i]
            yield state, frame
        elif ".with.overflow." in name:
            frame[result] = self.arithmetic(state, name.split(".")[1], arguments)
            yield state, frame
        else:
            yield from self.call_function(state, frame, result, (name, arguments))

    def call_function(self, state, frame, result, call):
        before = [id(bytes_) for bytes_ in state.objects]
        for after, value in self.call(state, *call):
            copies = dict(zip(before, after.objects)) if after is not state else None
            values = rebase(frame, copies)
            if result:
                values[result] = value
            yield after, values

    def arithmetic(self, state, kind, arguments):
        """The proof obligation: what can overflow is an error, so the rest may take it for no."""
        result, wrong = overflow(kind, *arguments)
        if kind[0] == "s" or not self.wraps:
            self.prove(state, z3.Not(wrong), f"{kind} does not overflow")
        return (z3.simplify(result), z3.BoolVal(False))

    def instruction(self, state, frame, line):
        result, text = re.match(r"(?:(%\S+) = )?(.*)", line).groups()
        operation, rest = text.split(" ", 1)
        rest = re.sub(r"^((nsw|nuw|exact|inbounds|volatile|atomic) )+", "", rest)
        rest = re.sub(r"(, align \d+| (monotonic|release))+$", "", rest)
        frame[result] = getattr(self, f"do_{operation}", self.do_binary)(
            state, frame, rest, operation)

    def do_binary(self, _state, frame, rest, operation):
        if operation not in BINARY:
            raise Unknown(f"instruction {operation}")
        kind, rest = rest.split(" ", 1)
        a, b = (self.value(frame, kind, text) for text in rest.split(", "))
        if kind == "i1":
            return z3.simplify(LOGIC[operation](a, b))
        return z3.simplify(BINARY[operation](a, b))

    def do_icmp(self, _state, frame, rest, _operation):
        condition, kind, rest = rest.split(" ", 2)
        a, b = (self.value(frame, kind, text) for text in rest.split(", "))
        return z3.simplify(COMPARE[condition](a, b))

    def do_select(self, _state, frame, rest, _operation):
        condition, a, b = (self.value(frame, *part.rsplit(" ", 1)) for part in split_list(rest))
        return z3.simplify(z3.If(condition, a, b))

    def do_alloca(self, state, _frame, rest, _operation):
        return state.new(self.module.types.size(rest))

    def do_load(self, _state, frame, rest, _operation):
        kind, place = split_list(rest)
        value = load(self.value(frame, *place.rsplit(" ", 1)), self.module.types.size(kind))
        return value

    def do_store(self, _state, frame, rest, _operation):
        value, place = (self.value(frame, *part.rsplit(" ", 1)) for part in split_list(rest))
        store(place, value)

    def do_getelementptr(self, _state, frame, rest, _operation):
        kind, base, *indices = split_list(rest)
        pointer = self.value(frame, *base.rsplit(" ", 1))
        first = self.value(frame, *indices[0].rsplit(" ", 1))
        if first.size() < POINTER:
            first = z3.SignExt(POINTER - first.size(), first)
        pointer = pointer.plus(first * self.module.types.size(kind))
        for index in indices[1:]:
            number = int(index.split()[1])
            pointer = pointer.plus(self.module.types.offset(kind, number))
            kind = self.module.types.members(kind)[number]
        return pointer

    def do_bitcast(self, _state, frame, rest, _operation):
        return self.value(frame, *rest.split(" to ")[0].rsplit(" ", 1))

    def do_extractvalue(self, _state, frame, rest, _operation):
        value, index = re.match(r"\{.*\} (\S+), (\d+)", rest).groups()
        return frame[value][int(index)]

    def do_trunc(self, _state, frame, rest, operation):
        kind, text, target = re.match(r"(\S+) (\S+) to i(\d+)", rest).groups()
        value, size = self.value(frame, kind, text), int(target)
        if operation == "trunc":
            if size == 1:
                return z3.simplify(z3.Extract(0, 0, value) == 1)
            return z3.simplify(z3.Extract(size - 1, 0, value))
        if kind == "i1":
            ones = -1 if operation == "sext" else 1
            return z3.If(value, z3.BitVecVal(ones, size), z3.BitVecVal(0, size))
        extend = z3.SignExt if operation == "sext" else z3.ZeroExt
        return z3.simplify(extend(size - value.size(), value))

    do_zext = do_sext = do_trunc

    def value(self, frame, kind, text):
        if text in frame:
            return frame[text]
        if kind == "i1" and text in ("true", "false"):
            return z3.BoolVal(text == "true")
        if text in ("undef", "poison") and INTEGER.match(kind):
            return z3.FreshConst(z3.BitVecSort(int(kind[1:])), "undefined")
        if text == "null":
            return Pointer(None, z3.BitVecVal(0, POINTER))
        if INTEGER.match(kind) and re.match(r"-?\d+$", text):
            return z3.BitVecVal(int(text), int(kind[1:]))
        raise Unknown(f"value {kind} {text}")


def rebase(frame, copies):
    """@frame after a fork: its pointers lead to the copies."""
    if not copies:
        return dict(frame)
    return {name: Pointer(copies.get(id(value.bytes), value.bytes), value.offset)
            if isinstance(value, Pointer) else value for name, value in frame.items()}
