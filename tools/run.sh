#!/bin/sh
# run.sh PROGRAM: what `make run` shows: the answers of the model that comes with vit to the photographs in samples/,
# and how many of them are right. Run from the top of the tree.
set -eu
program=$1
unset VIT_MODEL
"$program" classify samples
"$program" classify -q -f tsv -k 1 samples | awk -F '\t' '
    NR == FNR { truth["samples/" $1] = $3; next }
    FNR > 1 { n++ }
    FNR > 1 && $4 != truth[$1] { n_wrong++; wrong = wrong "\n  " $1 ": " truth[$1] }
    END {
        print ""
        print n - n_wrong " of " n " are right." (n_wrong ? " Those that are not, and what they show:" : "") wrong
    }' samples/SOURCES.tsv -
cat <<'END'
The model that comes with vit is a small demonstration: 200 classes, 64 x 64 pixels.
README.md says how to get a ViT-B/16 for 1000 classes, and how to use your own.
END
