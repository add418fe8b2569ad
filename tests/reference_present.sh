#!/bin/sh
# Says loudly when the reference pictures, models and logits are not there, because then
# every test that compares with them is skipped.
for part in data/reference data/ilsvrc/val data/calib data/web models/reference models/tiny; do
    if ! [ -d "$1/$part" ]; then
        echo "!! REFERENCE FOLDER ABSENT: $1/$part"
        echo "!! Everything that compares with other frameworks is SKIPPED."
        echo "!! Point cmake at it: -DXLENS_REFERENCE_DIR=FOLDER"
        exit 77
    fi
done
echo "reference folder: $1"
