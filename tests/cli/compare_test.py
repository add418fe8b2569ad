"""Runs beside each other, and the class names that go with them."""
from harness import MODEL, CliTest, main


class Names(CliTest):
    def test_names_travel_with_a_run(self):
        root = self.evaluated("--name", "named")
        shown = [self.xlens("export", "--db", self.db, "--format", "csv", "-o", "-", *more)[0]
                 for more in ([], ["--label", self.names()])]
        self.assertEqual(*shown)
        self.assertIn(",bee,", shown[0])
        got = self.document("stats", "--db", self.db, "--class", "dog")
        self.assertEqual([c["label"] for c in got["classes"]], ["dog"])
        # Going on without names keeps them.
        self.xlens("eval", "-m", MODEL, "--db", self.db, root, status=1)
        self.assertEqual(self.document("stats", "--db", self.db, "--class", "dog"), got)
        other = self.tmp / "other.txt"
        other.write_text("".join(f"kind {i}\n" for i in range(10)))
        got = self.document("stats", "--db", self.db, "--class", "1", "--label", other)
        self.assertEqual([c["label"] for c in got["classes"]], ["kind 1"])


main()
