#!/usr/bin/env python3
"""What is on the screen after some keys, compared with the files in screens/.

    screens_test.py PROGRAM [--bless] [NAME…]
"""

import difflib
import os
import re
import sys

import harness

HERE = os.path.dirname(os.path.abspath(__file__))
BLESS = "--bless" in sys.argv

SMALL, WIDE = (80, 24), (200, 60)

# name, size, program arguments, environment, keys
SCENES = [
    ("list-80x24", SMALL, ["--evaluate"], {}, ["j", "j"]),
    ("list-200x60", WIDE, ["--evaluate"], {}, ["j", "j"]),
    ("list-60x20", (60, 20), ["--evaluate"], {}, []),
    ("list-40x10", (40, 10), ["--evaluate"], {}, []),
    ("list-ascii", SMALL, ["--evaluate"], {"LC_ALL": "C"}, ["Space", "Space"]),
    ("browse-without-model", SMALL, ["--no-model"], {}, ["r"]),
    ("not-run-yet", SMALL, [], {}, ["G"]),
    ("run-one", SMALL, [], {}, ["j", "r"]),
    ("run-marked", SMALL, [], {}, ["Space", "Space", "Space", "u", "r"]),
    ("picture-80x24", SMALL, ["--evaluate"], {}, ["Enter", "l"]),
    ("picture-200x60", WIDE, ["--evaluate"], {}, ["Enter"]),
    ("damaged", SMALL, ["--evaluate"], {}, ["/", "d", "a", "m", "a", "g", "Enter"]),
    ("grid-80x24", SMALL, ["--evaluate"], {}, ["t", "l", "j"]),
    ("grid-200x60", WIDE, ["--evaluate"], {}, ["t", "l"]),
    ("pairs-80x24", SMALL, ["--evaluate"], {}, ["P", "j"]),
    ("pairs-200x60", WIDE, ["--evaluate"], {}, ["P"]),
    ("pairs-drill", SMALL, ["--evaluate"], {}, ["P", "j", "Enter"]),
    ("pairs-drill-back", SMALL, ["--evaluate"], {}, ["j", "P", "j", "Enter", "Escape"]),
    ("matrix-80x24", SMALL, ["--evaluate"], {}, ["M", "j", "l", "l"]),
    ("matrix-200x60", WIDE, ["--evaluate"], {}, ["M"]),
    ("matrix-drill", SMALL, ["--evaluate"], {}, ["M", "Enter"]),
    ("classes-80x24", SMALL, ["--evaluate"], {}, ["C", "s"]),
    ("classes-200x60", WIDE, ["--evaluate"], {}, ["C"]),
    ("classes-drill", SMALL, ["--evaluate"], {}, ["C", "Enter"]),
    ("run-80x24", SMALL, ["--evaluate"], {}, ["w"]),
    ("run-200x60", WIDE, ["--evaluate"], {}, ["w"]),
    ("runs-empty", SMALL, ["--evaluate"], {}, ["D"]),
    ("help-80x24", SMALL, [], {}, ["?"]),
    ("help-end", SMALL, [], {}, ["F1", "G"]),
    ("wrong-only", SMALL, ["--evaluate"], {}, ["e"]),
    ("sorted-by-margin", SMALL, ["--evaluate"], {}, list(":sort margin") + ["Enter"]),
    ("count-and-G", SMALL, ["--evaluate"], {}, ["1", "2", "G"]),
    ("range-marked", SMALL, ["--evaluate"], {}, ["v", "j", "j", "v"]),
    ("filter", SMALL, ["--evaluate"], {}, ["f"] + list("wrong and conf>0.7") + ["Enter"]),
    ("filter-mistake", SMALL, ["--evaluate"], {}, ["f"] + list("conf>") + ["Enter"]),
    ("filter-empty", SMALL, ["--evaluate"], {}, ["f"] + list("conf>1.5") + ["Enter"]),
    ("command-unknown", SMALL, [], {}, [":"] + list("frobnicate") + ["Enter"]),
    ("command-completed", SMALL, [], {}, [":", "e", "x", "p", "Tab"]),
    ("too-small", (39, 9), [], {}, []),
]


def compare(name, text):
    # The key count in the last corner says how the screen was reached.
    text = re.sub(r"\d{4}=\s*$", "", text)
    text = "\n".join(line.rstrip() for line in text.split("\n"))
    path = os.path.join(HERE, "screens", name + ".txt")
    if BLESS:
        with open(path, "w", encoding="utf-8") as out:
            out.write(text)
        return
    with open(path, encoding="utf-8") as file:
        expected = file.read()
    if text != expected:
        diff = difflib.unified_diff(expected.split("\n"), text.split("\n"), "expected", "shown",
                                    lineterm="")
        raise AssertionError("screen differs\n" + "\n".join(diff))


def start(program, folder, args, size, **env):
    root = os.path.join(folder, "kitchen")
    if not os.path.isdir(root):
        harness.dataset(folder)
    return harness.Screen([program, *args, root], size, harness.environment(folder, **env),
                          folder)


def scene(name, size, args, env, keys):
    def test(program, folder):
        with start(program, folder, args, size, **env) as screen:
            screen.settle()
            screen.press(*keys)
            compare(name, screen.settle())
    return name, test


def no_colour(text):
    return not re.search(r"\x1b\[[0-9;]*(3[0-8]|4[0-8]|9[0-7]|10[0-7])[;m]", text)


def mono(program, folder):
    with start(program, folder, ["--evaluate"], SMALL, NO_COLOR="1") as screen:
        screen.settle()
        text = screen.press("j").text(escapes=True)
        assert no_colour(screen.text(escapes=True)), text
        assert "\x1b[7m" in text, "the selection must show without colour"


def vt100(program, folder):
    with start(program, folder, ["--evaluate"], SMALL, TERM="vt100") as screen:
        screen.settle()
        assert no_colour(screen.press("j").text(escapes=True))


def colours_16(program, folder):
    with start(program, folder, ["--evaluate"], SMALL, TERM="screen") as screen:
        screen.settle()
        text = screen.text(escapes=True)
        assert not no_colour(text) and "38;5" not in text and "48;5" not in text, text


def colours_256(program, folder):
    with start(program, folder, ["--evaluate"], SMALL) as screen:
        screen.settle()
        assert "48;5;" in screen.text(escapes=True)


def resized(program, folder):
    with start(program, folder, ["--evaluate"], SMALL) as screen:
        screen.settle()
        before = screen.press("j", "j").settle()
        for size in ((1, 1), (2, 40), (300, 100), (5, 3), (81, 7), SMALL):
            screen.resize(*size)
        screen.wait(lambda text: text == before, "the same screen as before")
        screen.resize(*WIDE).wait(lambda text: "i Pictures" in text, "the wide screen")
        assert screen.settle().split("\n")[4].startswith("▌") or "▌" in screen.text()


def quit_asks(program, folder):
    with start(program, folder, ["--evaluate"], SMALL, XLENS_FAKE_DELAY="500") as screen:
        screen.wait(lambda text: "/49" in text, "the evaluation")
        screen.press("q").wait(lambda text: "Quit?" in text, "the question")
        screen.press("Escape").wait(lambda text: "Quit?" not in text, "its end")
        screen.press("q").wait(lambda text: "Quit?" in text, "the question again")
        screen.press("s")
        assert screen.wait_exit() == 0


def quit_at_once(program, folder):
    with start(program, folder, ["--evaluate"], SMALL, XLENS_FAKE_DELAY="500") as screen:
        screen.wait(lambda text: "/49" in text, "the evaluation")
        screen.press("Q")
        assert screen.wait_exit() == 0


def run_beside(program, folder):
    """r is answered while an evaluation runs that would take minutes."""
    with start(program, folder, ["--evaluate"], SMALL, XLENS_FAKE_DELAY="3000") as screen:
        screen.wait(lambda text: "/49" in text, "the evaluation")
        screen.press(*":sort file").press("Enter", "G", "r")
        text = screen.wait(lambda text: "done: 1 picture" in text, "the picture's own end")
        assert "/49" in text, "the evaluation must go on"
        line = [l for l in text.split("\n") if l.startswith("▌")][0]
        assert "spoon_07" in line and "%" in line, line


def cursor_is_on_the_selected(program, folder):
    """Hidden, but where screen readers and braille lines look for it."""
    def place(screen):
        return screen.tmux("display", "-p", "-t", "x", "#{cursor_x},#{cursor_y},#{cursor_flag}")
    with start(program, folder, ["--evaluate"], SMALL) as screen:
        screen.settle()
        text = screen.press("j", "j").settle().split("\n")
        row = [i for i, line in enumerate(text) if line.startswith("▌")][0]
        assert place(screen).strip() == f"0,{row},0", place(screen)
        screen.press("P", "j").settle()
        row = [i for i, line in enumerate(screen.text().split("\n")) if line.startswith("▌")][0]
        assert place(screen).strip() == f"0,{row},0", place(screen)
        screen.press(":").settle()
        assert place(screen).strip() == "1,23,1", place(screen)


def damaged_model(program, folder):
    """It is asked for by name, so that the explorer does not stay without it."""
    with start(program, folder, ["--damaged-model"], SMALL) as screen:
        assert screen.wait_exit() == 3
        assert "damaged.keras: not a model" in screen.text(), screen.text()


def asked_while_opening(program, folder):
    """The last wish counts, and is granted when the model is open."""
    gate = os.path.join(folder, "gate")
    with start(program, folder, [], SMALL, XLENS_FAKE_GATE=gate) as screen:
        screen.press("R").wait(lambda text: "as soon as the model is open" in text, "a promise")
        screen.press("Space", "Space", "r", "j").wait(lambda text: "4/" in text, "the cursor")
        open(gate, "w").close()
        screen.settle()
        lines = [line for line in screen.text().split("\n") if "%" in line and ".png" in line]
        assert len(lines) == 2, lines
    os.remove(gate)


def paused_and_cancelled(program, folder):
    with start(program, folder, ["--evaluate"], SMALL, XLENS_FAKE_DELAY="50") as screen:
        screen.press("w").wait(lambda text: "running" in text, "the evaluation")
        screen.press("p").settle()
        assert "paused" in screen.text()
        screen.press("p").wait(lambda text: "running" in text, "it to go on")
        screen.press("x")
        text = screen.settle()
        assert "stopped" in text and "are done and kept" in text, text


def place_is_kept(program, folder):
    """Rows arrive and the list is sorted anew; the selection stays on its picture."""
    with start(program, folder, [], SMALL, XLENS_FAKE_DELAY="20") as screen:
        screen.settle()
        screen.press("1", "0", "G").settle()
        here = [l for l in screen.text().split("\n") if l.startswith("▌")][0].split()[2]
        screen.press("R")
        screen.wait(lambda text: "20/49" in text or "3" in text, "half of it")
        screen.wait(lambda text: "done: 49" in text, "the end")
        line = [l for l in screen.settle().split("\n") if l.startswith("▌")][0]
        assert here in line, f"{here} is no longer selected: {line}"


def exported(program, folder):
    with start(program, folder, ["--evaluate"], SMALL) as screen:
        screen.settle()
        screen.press("x").type("csv out.csv").press("Enter")
        assert "49 pictures written to out.csv" in screen.settle()
        screen.press("x").type("csv out.csv").press("Enter")
        assert "out.csv exists" in screen.settle()
        screen.press(":").type("export! csv out.csv").press("Enter")
        assert "written" in screen.settle()
        screen.press("X").type("set").press("Enter")
        assert "set" in screen.settle()
    with open(os.path.join(folder, "out.csv"), encoding="utf-8") as file:
        lines = file.read().split("\n")
    assert lines[0].startswith("file,label,label_name,top1"), lines[0]
    assert len(lines) == 51, len(lines)


def suspended(program, folder):
    """^Z gives the shell back, fg the explorer; only under a shell is a stop possible."""
    root = harness.dataset(folder)
    env = harness.environment(folder, PS1="shell> ", HISTFILE="/dev/null")
    with harness.Screen(["bash", "--norc", "--noprofile", "-i"], SMALL, env, folder) as screen:
        screen.wait(lambda text: "shell>" in text, "the shell")
        screen.type(f"{program} {root}").press("Enter")
        screen.keys = 0
        before = screen.settle()
        screen.tmux("send-keys", "-t", "x", "C-z")
        screen.wait(lambda text: "Stopped" in text, "the shell")
        screen.type("fg").press("Enter")
        screen.wait(lambda text: text == before, "the explorer as it was")


def refused(program, folder):
    import subprocess
    root = harness.dataset(folder)
    for term in ("dumb", "", "no-such-terminal"):
        with start(program, folder, [], SMALL, TERM=term) as screen:
            assert screen.wait_exit() == 2
            assert "xlens eval" in screen.text(), screen.text()
    done = subprocess.run([program, root], stdin=subprocess.DEVNULL, capture_output=True,
                          env=harness.environment(folder), text=True)
    assert done.returncode == 2 and done.stdout == "" and "terminal" in done.stderr, done


TESTS = [scene(*s) for s in SCENES] + [
    (f.__name__, f) for f in (mono, vt100, colours_16, colours_256, resized, quit_asks,
                              quit_at_once, run_beside, cursor_is_on_the_selected,
                              damaged_model, asked_while_opening, paused_and_cancelled,
                              place_is_kept, exported, suspended, refused)]

if __name__ == "__main__":
    sys.exit(harness.run(os.path.abspath(sys.argv[1]), TESTS))
