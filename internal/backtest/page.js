(function () {
  var form = document.getElementById('filter'), rows = Array.from(document.querySelectorAll('#deployments tbody tr'));
  function apply() {
    var verdict = form.verdict.value, text = form.text.value.toLowerCase(), shown = 0;
    rows.forEach(function (row) {
      row.hidden = (verdict && row.dataset.verdict !== verdict) || !row.textContent.toLowerCase().includes(text);
      shown += row.hidden ? 0 : 1;
    });
    form.querySelector('output').textContent = shown + ' of ' + rows.length;
  }
  function reveal() {
    var target = document.getElementById(location.hash.slice(1)), section = target && target.closest('details');
    if (section) { section.open = true; section.scrollIntoView(); }
  }
  form.hidden = false;
  form.addEventListener('input', apply);
  form.addEventListener('submit', function (e) { e.preventDefault(); });
  window.addEventListener('hashchange', reveal);
  apply();
  reveal();
})();
