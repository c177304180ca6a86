// What the page does beside showing: send pictures or words, follow a job, cancel, delete. No library, no inline code.
'use strict';
const $ = (id) => document.getElementById(id);

function say(text) {
  const problem = $('problem');
  problem.textContent = text;
  problem.hidden = !text;
}

async function ask(url, options) {
  const answer = await fetch(url, options);
  if (answer.status === 401) { location.href = '/login'; throw new Error('signed out'); }
  const body = answer.status === 204 ? null : await answer.json();
  if (!answer.ok) throw new Error(body.detail || `the service answered ${answer.status}`);
  return body;
}

function post(url, body) {
  return ask(url, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) });
}

// ---- make
const form = $('create');
if (form) {
  let pictures = []; // {file, view, url}
  const sides = ['front', 'left', 'back', 'right', 'front_left', 'back_left', 'front_right', 'back_right', 'top'];
  const words = () => form.elements.from && form.elements.from.value === 'words';

  const show = () => {
    const list = $('chosen');
    list.replaceChildren(...pictures.map((picture, number) => {
      const item = $('one').content.firstElementChild.cloneNode(true);
      item.querySelector('img').src = picture.url;
      item.querySelector('b').textContent = picture.file.name;
      const select = item.querySelector('select');
      select.value = picture.view;
      select.setAttribute('aria-label', `Side that ${picture.file.name} shows`);
      select.onchange = () => { picture.view = select.value; };
      const remove = item.querySelector('button');
      remove.setAttribute('aria-label', `Remove ${picture.file.name}`);
      remove.onclick = () => { URL.revokeObjectURL(picture.url); pictures.splice(number, 1); show(); };
      return item;
    }));
    if (pictures.length && !$('name').value) $('name').placeholder = pictures[0].file.name.replace(/\.[^.]*$/, '');
  };

  const add = (files) => {
    say('');
    const most = Number(form.dataset.most), bytes = Number(form.dataset.maxMb) * 2 ** 20;
    for (const file of files) {
      if (!/^image\/(png|jpeg|webp)$/.test(file.type)) { say(`${file.name} is no PNG, JPEG or WebP picture.`); continue; }
      if (file.size > bytes) { say(`${file.name} is larger than ${form.dataset.maxMb} MB.`); continue; }
      if (pictures.length >= most) { say(`At most ${most} pictures.`); break; }
      const stem = file.name.toLowerCase().replace(/\.[^.]*$/, '');
      const taken = pictures.map((picture) => picture.view);
      const named = sides.filter((side) => stem === side || stem.endsWith(`-${side}`) || stem.endsWith(`_${side}`)).pop();
      const view = named && !taken.includes(named) ? named : sides.find((side) => !taken.includes(side));
      pictures.push({ file, view, url: URL.createObjectURL(file) });
    }
    show();
  };

  $('files').onchange = () => { add($('files').files); $('files').value = ''; };
  const drop = $('drop');
  for (const kind of ['dragenter', 'dragover']) drop.addEventListener(kind, (event) => { event.preventDefault(); drop.classList.add('over'); });
  for (const kind of ['dragleave', 'drop']) drop.addEventListener(kind, (event) => { event.preventDefault(); drop.classList.remove('over'); });
  drop.addEventListener('drop', (event) => add(event.dataTransfer.files));

  const options = () => ({
    height_mm: Number($('height').value), faces: Number($('faces').value), detail: $('detail').value, depth: $('depth').value,
    formats: [...form.querySelectorAll('input[name=format]:checked')].map((box) => box.value), target: $('target').value || null,
  });
  const wished = () => ({ subject: $('subject').value.trim(), views: Number($('sides').value) });

  let asked = 0;
  const estimate = async () => {
    const mine = ++asked;
    if (words() && wished().subject.length < 2) { $('estimate').textContent = 'Say what it should show.'; return; }
    try {
      const told = await post('/v1/estimates', { options: options(), ...(words() ? { words: wished() } : {}) });
      if (mine !== asked) return;
      const time = told.seconds === null ? 'Time: not measured yet' : `Takes about ${told.seconds} s${told.queue_seconds ? `, after ${told.queue_seconds} s in the queue` : ''}`;
      $('estimate').textContent = `${time}. ${told.usd_at_most ? `Costs at most $${told.usd_at_most.toFixed(4)}.` : 'Costs nothing.'}`;
    } catch (error) { if (mine === asked) $('estimate').textContent = error.message; }
  };
  let waiting = 0;
  form.addEventListener('input', () => { clearTimeout(waiting); waiting = setTimeout(estimate, 350); });
  $('target').onchange = () => {
    const row = $('target').selectedOptions[0];
    if (!row.dataset.format) return;
    $('faces').value = row.dataset.faces;
    for (const box of form.querySelectorAll('input[name=format]')) box.checked = box.value === row.dataset.format || box.value === 'glb';
  };
  for (const radio of form.querySelectorAll('input[name=from]')) radio.onchange = () => { $('from-pictures').hidden = words(); $('from-words').hidden = !words(); };
  estimate();

  form.onsubmit = async (event) => {
    event.preventDefault();
    say('');
    if (!words() && !pictures.length) { say('Choose a picture first.'); $('files').focus(); return; }
    $('send').disabled = true;
    try {
      let job;
      const key = { 'Idempotency-Key': crypto.randomUUID ? crypto.randomUUID() : String(Math.random()) };
      if (words()) {
        const body = { words: wished(), options: options(), cost_center: $('center').value, ...($('name').value ? { name: $('name').value } : {}) };
        job = await ask('/v1/jobs', { method: 'POST', headers: { 'Content-Type': 'application/json', ...key }, body: JSON.stringify(body) });
      } else {
        const body = new FormData();
        for (const picture of pictures) { body.append('picture', picture.file); body.append('view', picture.view); }
        body.append('options', JSON.stringify(options()));
        body.append('name', $('name').value);
        body.append('cost_center', $('center').value);
        job = await ask('/v1/jobs/upload', { method: 'POST', headers: key, body });
      }
      location.href = `/app/jobs/${job.id}`;
    } catch (error) { say(error.message); $('send').disabled = false; }
  };
}

// ---- watch
const live = $('live');
if (live) {
  const events = new EventSource(`/v1/jobs/${live.dataset.job}/events`);
  const done = new Set();
  const state = (word, told) => {
    $('state').textContent = word;
    $('state').className = `chip ${word === 'running' ? 'info' : 'none'}`;
    $('place').hidden = word !== 'queued';
    $('stage').textContent = told;
  };
  events.addEventListener('running', () => state('running', 'a worker has it'));
  events.addEventListener('queued', () => { live.querySelector('progress').value = 0; state('queued', 'waiting for a worker'); });
  events.addEventListener('progress', (event) => {
    const { stage, progress, seconds } = JSON.parse(event.data);
    live.querySelector('progress').value = progress;
    $('stage').textContent = `${stage}, ${progress} %`;
    if (seconds && !done.has(stage)) {
      done.add(stage);
      const item = document.createElement('li');
      item.className = 'chip info';
      item.textContent = `${stage} ${seconds.toFixed(1)} s`;
      $('stages').append(item);
    }
  });
  for (const end of ['succeeded', 'failed', 'cancelled']) events.addEventListener(end, () => { events.close(); location.reload(); });
}

// ---- the same asset for another program
const again = $('again');
if (again) again.onsubmit = async (event) => {
  event.preventDefault();
  say('');
  const row = $('again-for').selectedOptions[0], send = again.querySelector('button');
  send.disabled = true;
  try {
    const body = { formats: [row.dataset.format], target: row.dataset.target || null };
    location.href = `/app/jobs/${(await post(`/v1/jobs/${again.dataset.job}/exports`, body)).id}`;
  } catch (error) { say(error.message); send.disabled = false; }
};

// ---- cancel and delete
for (const [id, method, suffix, following] of [['cancel', 'POST', '/cancel', null], ['delete', 'DELETE', '', '/app']]) {
  const button = $(id);
  if (button) button.onclick = async () => {
    if (id === 'delete' && !button.dataset.sure) { // there is no way back: the second click counts
      button.dataset.sure = 'yes';
      button.textContent = 'Delete for good';
      setTimeout(() => { delete button.dataset.sure; button.textContent = 'Delete'; }, 5000);
      return;
    }
    button.disabled = true;
    try {
      await ask(`/v1/jobs/${button.dataset.job}${suffix}`, { method });
      if (following) location.href = following; else location.reload();
    } catch (error) { say(error.message); button.disabled = false; }
  };
}
