// The HTML report in headless Chromium, as `tests/main/html.rs` starts it:
//
//   node report.mjs small FILE            what the page does, and what WCAG 2.1 AA asks of it (axe-core)
//   node report.mjs large FILE MS         100,000 users open, sort and are found within so many ms each
//   node report.mjs picture FILE PNG      the screenshot in docs/images
//
// `npm ci` in this folder installs what it needs. $CHROMIUM is the browser, `chromium` by default.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { chromium } from "playwright-core";

const [kind, file, more] = process.argv.slice(2);
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const LEVELS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"];

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM || "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
});

async function open(colorScheme, width, height = 900) {
  const context = await browser.newContext({ colorScheme, viewport: { width, height } });
  const page = await context.newPage();
  const wrong = [];
  page.on("console", (message) => wrong.push(message.text()));
  page.on("pageerror", (error) => wrong.push(String(error)));
  page.on("request", (request) => {
    if (!/^(file|data|blob):/.test(request.url())) wrong.push(`request: ${request.url()}`);
  });
  page.on("dialog", (dialog) => {
    wrong.push(`dialog: ${dialog.message()}`);
    return dialog.dismiss();
  });
  const cdp = await context.newCDPSession(page);
  await cdp.send("Performance.enable", { timeDomain: "threadTicks" });
  await page.goto(pathToFileURL(file).href);
  await page.waitForSelector("html[data-ready]");
  const took = async () => {
    const wall = await page.evaluate(() => performance.now());
    const { metrics } = await cdp.send("Performance.getMetrics");
    return { wall, cpu: 1000 * metrics.find(({ name }) => name === "TaskDuration").value };
  };
  return { page, wrong, took, close: () => context.close() };
}

const count = async (page) => {
  // A reset of the filters takes effect after its event.
  await page.evaluate(() => new Promise((done) => setTimeout(done)));
  return page.locator("#count:not([aria-busy])").textContent();
};
const column = (page, name) =>
  page.locator(`#table tbody tr > [data-label="${name}"]`).evaluateAll((cells) => cells.map((cell) => cell.innerText.trim()));

async function violations(page) {
  await page.evaluate(`${axe}; undefined`);
  const found = await page.evaluate((levels) => axe.run(document, { runOnly: levels }), LEVELS);
  assert.ok(found.passes.length > 15, `axe-core looked at ${found.passes.length} rules only`);
  return found.violations.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.target} ${node.failureSummary}`));
}

async function accessible() {
  for (const scheme of ["light", "dark"]) {
    for (const width of [1280, 400, 320]) {
      const { page, wrong, close } = await open(scheme, width);
      const scroll = await page.evaluate(() => document.documentElement.scrollWidth);
      assert.equal(scroll, width, `no horizontal scrolling at ${width} px`);
      for (const details of await page.locator("details").all()) await details.evaluate((it) => (it.open = true));
      assert.deepEqual(await violations(page), [], `${scheme}, ${width} px`);
      if (width === 1280) {
        await page.fill("#text", "no user has this");
        assert.match(await count(page), /^0 of /);
        assert.deepEqual(await violations(page), [], `${scheme}, nothing found`);
      }
      assert.deepEqual(wrong, []);
      await close();
    }
  }
}

async function keyboard() {
  const { page, wrong, close } = await open("light", 1280);
  const focused = () =>
    page.evaluate(() => {
      const { outlineStyle, outlineWidth } = getComputedStyle(document.activeElement);
      return { text: document.activeElement.innerText, id: document.activeElement.id, outline: `${outlineStyle} ${outlineWidth}` };
    });
  await page.keyboard.press("Tab");
  assert.equal((await focused()).text, "Skip to the users");
  await page.keyboard.press("Enter");
  await page.keyboard.press("Tab");
  assert.equal((await focused()).id, "text");
  for (let i = 0; i < 40 && !(await focused()).text.startsWith("Notes"); i++) {
    await page.keyboard.press("Tab");
    assert.equal((await focused()).outline, "solid 3px", "the focus is visible");
  }
  const sorted = () => page.locator("th.c-notes").getAttribute("aria-sort");
  assert.equal(await sorted(), "none");
  await page.keyboard.press("Enter");
  assert.equal(await sorted(), "ascending");
  const up = (await column(page, "Notes")).filter((note) => note !== "");
  assert.ok(up.length > 3 && (await column(page, "Notes"))[0] !== "", "users with notes come first");
  await page.keyboard.press("Enter");
  assert.equal(await sorted(), "descending");
  assert.ok((await column(page, "Notes"))[0] !== "", "and do so in the other order");
  assert.deepEqual(wrong, []);
  await close();
}

async function filters() {
  const { page, wrong, close } = await open("light", 1280);
  const all = Number((await count(page)).match(/^(\d+) users/)[1]);
  for (const id of ["school", "role", "action", "code"]) {
    const option = page.locator(`#${id} option`).nth(1);
    const [, label, expected] = (await option.textContent()).match(/^(.*) \(([\d,]+)\)$/);
    await page.selectOption(`#${id}`, await option.getAttribute("value"));
    assert.match(await count(page), new RegExp(`^${expected} of ${all} users`), `${id}: ${label}`);
    await page.click("button[type=reset]");
    assert.match(await count(page), new RegExp(`^${all} users`));
  }
  await page.check("#notes");
  assert.ok(!(await column(page, "Notes")).includes(""), "only users with notes");
  await page.click("button[type=reset]");
  // A number is found however it is written, a name without its accents.
  const number = (await column(page, "Mobile")).join("\n").match(/\+1(\d{3})(\d{3})(\d{4})/);
  await page.fill("#text", `(${number[1]}) ${number[2]}-${number[3]}`);
  assert.match(await count(page), /^[1-9]\d* of /);
  assert.ok((await column(page, "Mobile"))[0].includes(number[0]));
  await page.click("button[type=reset]");
  for (const name of await page.locator("#table thead button").allTextContents()) {
    await page.click(`#table thead button:has-text("${name.trim()}")`);
    assert.equal(await page.locator("th[aria-sort=ascending]").count(), 1, name);
  }
  // Values are text, whatever they look like.
  assert.equal(await page.locator("main img, main b, main a").count(), 0);
  assert.deepEqual(wrong, []);
  await close();
}

const printed = async (page) => {
  await page.evaluate(() => dispatchEvent(new Event("beforeprint")));
  const rows = await page.locator("#table tbody tr").count();
  const said = await page.locator("#printed").textContent();
  await page.evaluate(() => dispatchEvent(new Event("afterprint")));
  return { rows, said };
};

async function print() {
  const { page, close } = await open("dark", 1280);
  await page.selectOption("#size", "50");
  const { rows, said } = await printed(page);
  assert.equal(said, `${rows} users`);
  await page.emulateMedia({ media: "print" });
  const look = await page.evaluate(() => [
    getComputedStyle(document.body).backgroundColor,
    getComputedStyle(document.querySelector("#filters")).display,
    getComputedStyle(document.querySelector("#table thead")).display,
  ]);
  assert.deepEqual(look, ["rgb(255, 255, 255)", "none", "table-header-group"]);
  const pdf = (await page.pdf({ preferCSSPageSize: true })).toString("latin1");
  assert.ok(pdf.match(/\/Type \/Page\b/g).length > 1);
  await close();
}

async function large() {
  const { page, wrong, took: opened, close } = await open("light", 1280);
  // On a machine with other work the clock says more of that work than of the page: then the time of the
  // processor counts.
  const { wall, cpu } = await opened();
  console.log(`open: ${Math.round(wall)} ms, of the processor ${Math.round(cpu)} ms`);
  const took = { open: Math.min(wall, cpu) };
  assert.match(await count(page), /^100,000 users, 1 to 100 shown/);
  assert.equal(await page.locator("#table tbody tr").count(), 100);
  // As text: the page's own policy would forbid it to make code of text.
  const timed = async (name, what) => {
    const before = await opened();
    const wall = await page.evaluate(`(() => {
      const name = ${JSON.stringify(name)}, start = performance.now();
      ${what};
      document.body.getBoundingClientRect();
      return performance.now() - start;
    })()`);
    return Math.min(wall, (await opened()).cpu - before.cpu);
  };
  const press = "[...document.querySelectorAll('thead button')].find((it) => it.textContent.startsWith(name)).click()";
  for (const name of ["Notes", "User", "School", "Email", "Action", "Notes"]) took[`sort by ${name}`] = await timed(name, press);
  const change = "document.getElementById('text').value = name; document.getElementById('action').dispatchEvent(new Event('change'))";
  took["first search"] = await timed("rosa", change);
  took.search = await timed("smith", change);
  console.log(JSON.stringify(took));
  for (const [what, ms] of Object.entries(took)) assert.ok(ms < Number(more), `${what} took ${Math.round(ms)} ms`);
  await page.click("button[type=reset]");
  await count(page);
  const { rows, said } = await printed(page);
  assert.equal(rows, 2000);
  assert.match(said, /^The first 2,000 of 100,000 users\./);
  assert.deepEqual(wrong, []);
  await close();
}

async function takePicture() {
  const { page, close } = await open("light", 1280, 1130);
  await page.click("#table thead button:has-text('Notes')");
  await count(page);
  await page.mouse.move(0, 0);
  await page.evaluate(() => document.activeElement.blur());
  await page.screenshot({ path: more });
  await close();
}

try {
  if (kind === "large") await large();
  else if (kind === "picture") await takePicture();
  else {
    await accessible();
    await keyboard();
    await filters();
    await print();
  }
} finally {
  await browser.close();
}
