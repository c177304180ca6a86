// Sorts, filters and searches the cards of a contact sheet; the choice stays in the address.
(() => {
  'use strict';
  const list = document.getElementById('cards');
  const cards = [...list.children];
  const fields = ['sort', 'only', 'find'].map((id) => document.getElementById(id));
  const [sort, only, find] = fields;
  const asked = new URLSearchParams(location.hash.slice(1));
  for (const field of fields) if (asked.has(field.id)) field.value = asked.get(field.id);

  function show() {
    const down = sort.value.startsWith('-');
    const key = sort.value.replace('-', '');
    const of = (card) => (key === 'name' ? card.dataset.name : Number(card.dataset[key]));
    const way = down ? -1 : 1;
    cards.sort((a, b) => {
      const [left, right] = [of(a), of(b)];
      const order = left < right ? -1 : left > right ? 1 : 0;
      return way * order || a.dataset.name.localeCompare(b.dataset.name);
    });
    const words = find.value.trim().toLowerCase();
    let shown = 0;
    for (const card of cards) {
      const right = !only.value || card.dataset.verdict === only.value || (only.value === 'missed' && card.dataset.missed);
      card.hidden = !right || !card.dataset.words.includes(words);
      shown += !card.hidden;
    }
    list.replaceChildren(...cards);
    document.getElementById('count').textContent = shown === cards.length ? '' : `${shown} of ${cards.length} shown`;
    const kept = new URLSearchParams();
    for (const field of fields) if (field.value && field.value !== 'rank') kept.set(field.id, field.value);
    history.replaceState(null, '', kept.size ? `#${kept}` : location.pathname.split('/').pop() || '.');
  }
  for (const field of fields) field.addEventListener('input', show);
  show();
})();
