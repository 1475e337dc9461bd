// "Check them all": asks for every link of the table and says whether the server answered as it should.
// The page is whole without it; nothing is sent anywhere but to the server that served this page.
"use strict";

document.documentElement.classList.add("scripted");

/** Asks for one row's target the way the row says, and returns the status the server gave. */
async function ask(link) {
  const request = { cache: "no-store", headers: {} };
  switch (link.dataset.ask) {
    case "head":
      request.method = "HEAD";
      break;
    case "range":
      request.headers.Range = "bytes=1000-1999";
      break;
    case "again": {
      const first = await fetch(link.href, { method: "HEAD", cache: "no-store" });
      const tag = first.headers.get("ETag");
      const date = first.headers.get("Last-Modified");
      if (tag) request.headers["If-None-Match"] = tag;
      else if (date) request.headers["If-Modified-Since"] = date;
      break;
    }
  }
  const response = await fetch(link.href, request);
  const bytes = (await response.arrayBuffer()).byteLength;
  const path = response.redirected ? " at " + new URL(response.url).pathname + new URL(response.url).search : "";
  // A script is not shown a redirection itself, only that there was one and where it led.
  const status = (response.redirected ? "301 → " : "") + response.status;
  return { status, told: `${status}${path}, ${bytes.toLocaleString("en-GB")} bytes` };
}

async function checkRow(row) {
  const link = row.querySelector("a");
  const seen = row.querySelector(".seen");
  const wanted = row.querySelector(".code").textContent;
  try {
    const { status, told } = await ask(link);
    const good = String(status) === wanted;
    seen.className = "seen " + (good ? "good" : "bad");
    seen.textContent = (good ? "✓ " : "✗ ") + told;
    return good;
  } catch (error) {
    seen.className = "seen bad";
    seen.textContent = "✗ no answer (" + error.message + ")";
    return false;
  }
}

const button = document.querySelector("#check");
button?.addEventListener("click", async () => {
  const rows = [...document.querySelectorAll(".tries tbody tr")];
  const sum = document.querySelector("#sum");
  button.disabled = true;
  let good = 0;
  for (const row of rows) {
    sum.textContent = `asking ${good + 1} of ${rows.length} …`;
    if (await checkRow(row)) good += 1;
  }
  sum.textContent =
    good === rows.length
      ? `All ${rows.length} answered as they should. Each of these requests is now a line in the log.`
      : `${good} of ${rows.length} answered as they should.`;
  button.disabled = false;
});
