// The service's page in headless Chromium: sign in, send a picture, watch it, look at it; by keyboard; what is asked for.
//   node service.mjs URL KEY PICTURE      one line of JSON; SLIPCAST_SHOTS=FOLDER also keeps pictures of the pages
import { createRequire } from 'node:module';
import path from 'node:path';

const require = createRequire(path.join(process.env.SLIPCAST_NODE, 'package.json'));
const puppeteer = require('puppeteer-core');
const [url, key, picture] = process.argv.slice(2);
const PATIENCE_MS = 90_000;
const facts = { outside: [], problems: [], csp: [], steps: [] };

const browser = await puppeteer.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--use-gl=angle', '--use-angle=swiftshader', '--enable-unsafe-swiftshader'],
});
const tab = await browser.newPage();
tab.setDefaultTimeout(PATIENCE_MS);
tab.on('request', (request) => {
  if (!/^(data|blob|about):/.test(request.url()) && !request.url().startsWith(url)) facts.outside.push(request.url());
});
tab.on('pageerror', (error) => facts.problems.push(String(error)));
tab.on('console', (line) => {
  if (/Content Security Policy/i.test(line.text())) facts.csp.push(line.text());
  else if (line.type() === 'error') facts.problems.push(line.text());
});

async function shoot(name) {
  if (process.env.SLIPCAST_SHOTS) await tab.screenshot({ path: path.join(process.env.SLIPCAST_SHOTS, `${name}.png`), fullPage: false });
}
// What a screen reader and a thumb need: names on controls, large enough targets, nothing wider than the screen.
async function look(name) {
  facts[name] = await tab.evaluate(() => {
    const shown = (one) => one.offsetParent !== null && getComputedStyle(one).visibility !== 'hidden';
    const nameless = [...document.querySelectorAll('a, button, input, select, textarea, iframe, progress, meter')].filter((one) => shown(one) &&
      !(one.getAttribute('aria-label') || one.getAttribute('aria-labelledby') || one.title || one.textContent.trim() || one.labels?.length));
    const small = [...document.querySelectorAll('button, select')].filter((one) => shown(one) && one.getBoundingClientRect().height < 32);
    const ids = [...document.querySelectorAll('[id]')].map((one) => one.id);
    return {
      title: document.title, lang: document.documentElement.lang, headings: document.querySelectorAll('h1').length,
      wide: document.documentElement.scrollWidth - innerWidth, nameless: nameless.map((one) => one.outerHTML.slice(0, 90)),
      small: small.map((one) => one.outerHTML.slice(0, 90)), twice: ids.filter((id, at) => ids.indexOf(id) !== at),
      empty: [...document.querySelectorAll('.columns > div')].filter((one) => !one.children.length).length,
      ground: getComputedStyle(document.body).backgroundColor,
    };
  });
}

await tab.setViewport({ width: 1280, height: 900 });
await tab.goto(`${url}/`);
await look('login');
await tab.keyboard.type('sk_wrong');
await Promise.all([tab.waitForNavigation(), tab.keyboard.press('Enter')]);
facts.refused = await tab.$eval('[role=alert]', (one) => one.textContent);
facts.problems = facts.problems.filter((text) => !text.includes('401'));
await tab.focus('#key');
await tab.keyboard.type(key);
await Promise.all([tab.waitForNavigation(), tab.keyboard.press('Enter')]);
await look('home');

const chooser = tab.waitForFileChooser();
await tab.focus('#files');
await tab.keyboard.press('Enter').catch(() => {});
await tab.evaluate(() => document.getElementById('files').click());
await (await chooser).accept([picture]);
await tab.waitForSelector('#chosen li');
await tab.click('details summary');
await tab.select('#depth', 'dome');
await tab.select('#detail', 'draft');
await tab.waitForFunction(() => /Costs nothing/.test(document.getElementById('estimate').textContent));
facts.estimate = await tab.$eval('#estimate', (one) => one.textContent);
await look('chosen');
await shoot('make');
await tab.focus('#send');
await Promise.all([tab.waitForNavigation(), tab.keyboard.press('Enter')]);
facts.address = tab.url().replace(url, '');
await tab.waitForSelector('#stages li', { timeout: 20_000 }).catch(() => {});
facts.stages = await tab.$$eval('#stages li', (all) => all.map((one) => one.textContent));
await tab.waitForFunction(() => ['running', 'succeeded'].includes(document.getElementById('state').textContent));
await shoot('progress');
await tab.waitForSelector('ul.files li');
await look('done');
facts.files = await tab.$$eval('ul.files a', (all) => all.map((one) => one.textContent));
facts.state = await tab.$eval('.title .chip', (one) => one.textContent);
const frame = await (await tab.waitForSelector('iframe')).contentFrame();
await tab.$eval('iframe', (one) => one.scrollIntoView());
await frame.waitForFunction(() => document.getElementById('canvas')?.dataset.state, { timeout: PATIENCE_MS });
facts.viewer = await frame.$eval('#canvas', (one) => one.dataset.state);
await new Promise((resolve) => setTimeout(resolve, 1500));
await tab.evaluate(() => scrollTo(0, 0));
await shoot('job');
await tab.focus('#again-for');
await tab.select('#again-for', 'unity (fbx)');
await Promise.all([tab.waitForNavigation(), tab.click('#again button')]);
await tab.waitForSelector('ul.files li');
await look('another');
await shoot('another');
facts.again = await tab.$$eval('ul.files a', (all) => all.map((one) => one.textContent));
for (const name of ['usage', 'admin']) {
  await tab.goto(`${url}/app/${name}`);
  await look(name);
  await shoot(name);
}
await tab.setViewport({ width: 390, height: 844, isMobile: true, hasTouch: true });
await tab.goto(`${url}/app`);
await look('phone');
await shoot('phone');
await tab.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: 'dark' }]);
await tab.goto(`${url}${facts.address}`);
await look('dark');
await (await (await tab.waitForSelector('iframe')).contentFrame()).waitForFunction(() => document.getElementById('canvas')?.dataset.state);
await new Promise((resolve) => setTimeout(resolve, 1500));
await shoot('phone-dark');
await Promise.all([tab.waitForNavigation(), tab.$eval('.who button', (one) => one.click())]);
await tab.goto(`${url}/app`);
facts.after = tab.url().replace(url, '');
await browser.close();
process.stdout.write(`${JSON.stringify(facts)}\n`);
