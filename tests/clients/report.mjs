// A report or an index in headless Chromium, opened from the disk: what is drawn, said and asked for.
//   node report.mjs FILE...       one line of JSON each; SLIPCAST_SHOTS=FOLDER also keeps pictures of the whole pages
import { createRequire } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const require = createRequire(path.join(process.env.SLIPCAST_NODE, 'package.json'));
const puppeteer = require('puppeteer-core');
const PATIENCE_MS = 240_000;

// Colours of the viewer's stage, counted on a picture of it that is decoded in a page of its own.
async function count(browser, png) {
  const tab = await browser.newPage();
  const counts = await tab.evaluate(async (data) => {
    const image = new Image();
    image.src = `data:image/png;base64,${data}`;
    await image.decode();
    const canvas = new OffscreenCanvas(image.width, image.height);
    const pen = canvas.getContext('2d');
    pen.drawImage(image, 0, 0);
    const pixels = pen.getImageData(0, 0, image.width, image.height).data;
    const out = { all: image.width * image.height, red: 0, green: 0, blue: 0, yellow: 0, vivid: 0, pink: 0, greenness: 0, hash: 0 };
    for (let k = 0; k < pixels.length; k += 4) {
      const [r, g, b] = [pixels[k], pixels[k + 1], pixels[k + 2]];
      out.vivid += Math.max(r, g, b) - Math.min(r, g, b) > 60;
      out.greenness += g - (r + b) / 2;
      out.red += r > 110 && g < r * 0.5 && b < r * 0.5;
      out.green += g > 90 && r < g * 0.6 && b < g * 0.75;
      out.blue += b > 110 && r < b * 0.6 && g < b * 0.75;
      out.yellow += r > 120 && g > r * 0.7 && b < r * 0.5;
      out.pink += r > 120 && g < r * 0.75 && b > g * 1.15;
      out.hash = (out.hash * 31 + r + 256 * g + 65536 * b) % 4294967291;
    }
    return out;
  }, png);
  await tab.close();
  return counts;
}

async function viewer(browser, tab) {
  await tab.waitForFunction(() => document.getElementById('canvas').dataset.state, { timeout: PATIENCE_MS });
  const facts = await tab.$eval('#canvas', (canvas) => ({ ...canvas.dataset }));
  const stage = await tab.$('.stage');
  const look = async () => count(browser, await stage.screenshot({ encoding: 'base64' }));
  facts.modes = {};
  for (const mode of await tab.$$eval('input[name=mode]', (all) => all.map((one) => one.value))) {
    await tab.click(`input[value=${mode}]`);
    facts.modes[mode] = await look();
    facts.modes[mode].legends = await tab.$$eval('[data-legend]', (all) =>
      all.filter((one) => !one.hidden).map((one) => one.dataset.legend));
  }
  // By keyboard alone: the radio buttons answer to arrows, the model to arrows, plus, minus and 0.
  await tab.focus('input[value=texture]');
  await tab.keyboard.press('Space');
  await tab.keyboard.press('ArrowRight');
  facts.arrowed = await tab.$eval('input[name=mode]:checked', (one) => one.value);
  await tab.click('input[value=texture]');
  await tab.focus('#canvas');
  facts.keys = { home: await look() };
  for (const key of ['ArrowLeft', 'ArrowUp', '+', '-', '0']) {
    await tab.keyboard.press(key);
    facts.keys[key] = await look();
  }
  facts.said = await tab.$eval('#said', (one) => one.textContent);
  // How long until each thing that can be reached by Tab has been reached.
  await tab.evaluate(() => { document.activeElement.blur(); window.scrollTo(0, 0); });
  facts.reached = [];
  for (let k = 0; k < 12; k++) {
    await tab.keyboard.press('Tab');
    facts.reached.push(await tab.evaluate(() => document.activeElement.id || document.activeElement.tagName));
  }
  return facts;
}

async function sheet(tab) {
  const names = () => tab.$$eval('#cards > li', (all) => all.filter((one) => !one.hidden).map((one) => one.dataset.name));
  const facts = { first: await names() };
  await tab.select('#sort', 'name');
  facts.by_name = await names();
  await tab.select('#sort', '-faces');
  facts.by_faces = await names();
  await tab.select('#only', 'missed');
  facts.missed = await names();
  await tab.select('#only', '');
  await tab.type('#find', 'owl');
  facts.found = await names();
  facts.count = await tab.$eval('#count', (one) => one.textContent);
  return facts;
}

const browser = await puppeteer.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  protocolTimeout: PATIENCE_MS,
  args: ['--no-sandbox', '--disable-dev-shm-usage', '--use-angle=swiftshader', '--enable-unsafe-swiftshader',
    '--ignore-gpu-blocklist'],
});
try {
  for (const file of process.argv.slice(2)) {
    const tab = await browser.newPage();
    await tab.setViewport({ width: 1280, height: 900 });
    const url = pathToFileURL(path.resolve(file)).href;
    const facts = { errors: [], requests: [] };
    tab.on('console', (said) => { if (['error', 'warn'].includes(said.type())) facts.errors.push(said.text()); });
    tab.on('pageerror', (error) => facts.errors.push(error.message));
    tab.on('request', (request) => {
      if (!/^(data|blob):/.test(request.url()) && request.url().split('#')[0] !== url) facts.requests.push(request.url());
    });
    await tab.goto(url, { waitUntil: 'load', timeout: PATIENCE_MS });
    if (await tab.$('#canvas')) facts.viewer = await viewer(browser, tab);
    if (await tab.$('#cards')) facts.sheet = await sheet(tab);
    facts.title = await tab.title();
    facts.broken = await tab.$$eval('img', (all) => all.filter((one) => one.complete && !one.naturalWidth).length);
    facts.overflow_px = await tab.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    await tab.setViewport({ width: 390, height: 800 });
    facts.overflow_small_px = await tab.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    // What a screen reader hears.
    const tree = await tab.accessibility.snapshot({ interestingOnly: true });
    facts.heard = [];
    const walk = (node) => { facts.heard.push([node.role, node.name ?? '']); (node.children ?? []).forEach(walk); };
    walk(tree);
    if (process.env.SLIPCAST_SHOTS) {
      await tab.setViewport({ width: 1280, height: 900 });
      const name = path.basename(file).replace(/\.html$/, '.png');
      await tab.screenshot({ path: path.join(process.env.SLIPCAST_SHOTS, name), fullPage: true });
    }
    console.log(JSON.stringify(facts));
    await tab.close();
  }
} finally {
  await browser.close();
}
