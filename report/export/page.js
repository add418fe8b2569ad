"use strict";
for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0];
  const heads = [...table.tHead.rows[0].cells];
  const value = (row, i) => {
    const cell = row.cells[i];
    const number = cell.dataset.v ?? (cell.className === "n" ? cell.textContent : null);
    return number === null ? cell.textContent.toLowerCase() : number === "" ? null : Number(number);
  };
  const sort = (i) => {
    const up = heads[i].ariaSort === "descending" || (!heads[i].ariaSort && heads[i].className !== "n")
      || (i === 0 && heads[i].ariaSort !== "ascending");
    heads.forEach((head) => { head.ariaSort = null; });
    heads[i].ariaSort = up ? "ascending" : "descending";
    const rows = [...body.rows].map((row) => [value(row, i), row]);
    // What has no value comes last either way.
    rows.sort(([a], [b]) => (a === null) - (b === null) || (a < b ? -1 : a > b) * (up ? 1 : -1));
    body.append(...rows.map(([, row]) => row));
  };
  heads.forEach((head, i) => head.querySelector("button")?.addEventListener("click", () => sort(i)));
  document.querySelector("#classes input").addEventListener("input", (event) => {
    const wanted = event.target.value.trim().toLowerCase();
    for (const row of body.rows)
      row.hidden = !`${row.cells[1].textContent} ${row.cells[1].firstChild.title} ${row.cells[2].textContent}`
        .toLowerCase().includes(wanted);
  });
}
