"""What `unfazed train sample:wine --target target` does, from Python: train, compare, see what a row's columns say."""

import sys

import unfazed


def main(source: str = "sample:wine", out: str | None = None) -> float:
    run = unfazed.train(source, target="target", out=out, seed=1)
    for note in run.table().notes:
        print(note)
    test, baselines = run.report["test"], run.report["baselines"]
    rows = {"network": test, **{name: baselines[name]["test"] for name in ("linear", "boosting")}}
    for name, facts in rows.items():
        accuracy = facts["accuracy"]
        print(f"{name}: accuracy {accuracy['value']:.3f} ({accuracy['low']:.3f} to {accuracy['high']:.3f})")

    row, exhibit = next(iter(run.exhibits().items()))
    cells = sorted(exhibit.cells or [], key=lambda cell: -abs(cell[2]))
    said = ", ".join(f"{column} {value} ({bits:+.2f} bits)" for column, value, bits in cells[:3])
    print(f"row {row}, what counts most: {said}")

    prediction = unfazed.Predictor.open(run).predict([{"alcohol": 13.2, "flavanoids": 2.8, "proline": 1050}])
    print(f"a wine of which little is known: {prediction.labels[0]} ({prediction.confidence[0]:.1%})")
    return float(test["accuracy"]["value"])


if __name__ == "__main__":
    main(*sys.argv[1:])
