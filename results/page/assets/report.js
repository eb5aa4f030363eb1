// Draws the figures, applies the theme, sorts the table and copies ids.
(function () {
  "use strict";
  var root = document.documentElement;
  var data = JSON.parse(document.getElementById("data").textContent);
  var plots = Array.prototype.slice.call(document.querySelectorAll(".plot"));
  var prefersDark = window.matchMedia("(prefers-color-scheme: dark)");
  var coarse = window.matchMedia("(pointer: coarse)").matches;
  var narrow = window.matchMedia("(max-width: 560px)");

  // ---- theme
  function storedTheme(value) {
    try { // the browser may forbid storage
      if (value === undefined) { return localStorage.getItem("xoresnet-theme"); }
      localStorage.setItem("xoresnet-theme", value);
    } catch (error) { return null; }
    return value;
  }

  function theme() {
    return root.dataset.theme || (prefersDark.matches ? "dark" : "light");
  }

  function showTheme() {
    document.getElementById("theme").setAttribute("aria-pressed", String(theme() === "dark"));
    plots.forEach(function (plot) {
      if (plot.layout) { Plotly.relayout(plot, { template: data.templates[theme()] }); }
    });
  }

  var before = storedTheme();
  if (before === "light" || before === "dark") { root.dataset.theme = before; }
  document.getElementById("theme").addEventListener("click", function () {
    root.dataset.theme = theme() === "dark" ? "light" : "dark";
    storedTheme(root.dataset.theme);
    showTheme();
  });
  prefersDark.addEventListener("change", showTheme);

  // ---- copying
  var toast = document.getElementById("toast");
  var hiding;
  function notify(sentence) {
    toast.textContent = sentence;
    toast.classList.add("shown");
    clearTimeout(hiding);
    hiding = setTimeout(function () { toast.classList.remove("shown"); }, 2500);
  }

  function copyBySelection(text) { // some browsers give local files no clipboard
    var field = document.createElement("textarea");
    field.value = text;
    field.style.position = "fixed";
    field.style.opacity = "0";
    document.body.appendChild(field);
    field.select();
    var done = document.execCommand("copy");
    field.remove();
    notify(done ? "Copied " + text : "The browser does not allow copying: " + text);
  }

  function copy(text) {
    if (!navigator.clipboard) { copyBySelection(text); return; }
    navigator.clipboard.writeText(text).then(
      function () { notify("Copied " + text); },
      function () { copyBySelection(text); }
    );
  }

  document.addEventListener("click", function (event) {
    var button = event.target.closest("[data-copy]");
    if (button) { copy(button.dataset.copy); }
  });

  // ---- table
  function compare(first, second) {
    var numbers = [parseFloat(first), parseFloat(second)];
    if (isNaN(numbers[0]) || isNaN(numbers[1])) { return first < second ? -1 : first > second ? 1 : 0; }
    return numbers[0] - numbers[1];
  }

  function sortBy(header) {
    var row = header.parentNode;
    var place = Array.prototype.indexOf.call(row.children, header);
    var way = header.getAttribute("aria-sort") === "ascending" ? "descending" : "ascending";
    Array.prototype.forEach.call(row.children, function (cell) { cell.setAttribute("aria-sort", "none"); });
    header.setAttribute("aria-sort", way);
    var body = header.closest("table").tBodies[0];
    var number = header.classList.contains("number");
    Array.prototype.slice.call(body.rows).sort(function (first, second) {
      var values = [first, second].map(function (r) { return r.cells[place].dataset.value; });
      if ((values[0] === "") !== (values[1] === "")) { return values[0] === "" ? 1 : -1; } // missing values come last
      var order = number ? compare(values[0], values[1]) : values[0].localeCompare(values[1]);
      return way === "ascending" ? order : -order;
    }).forEach(function (sorted) { body.appendChild(sorted); });
  }

  Array.prototype.forEach.call(document.querySelectorAll("button.sort"), function (button) {
    button.addEventListener("click", function () { sortBy(button.closest("th")); });
  });

  // ---- figures
  var config = {
    responsive: true, displaylogo: false, plotlyServerURL: "",
    // listed one by one, because plotly's default has a button that sends the data to a server
    modeBarButtons: [["toImage"], ["zoom2d", "pan2d", "zoomIn2d", "zoomOut2d", "resetScale2d"]],
    displayModeBar: coarse ? false : "hover", toImageButtonOptions: { format: "svg" }
  };

  function arranged(layout) { // for this window: narrow ones apply `meta.narrow`
    var meta = layout.meta || {};
    var made = JSON.parse(JSON.stringify(layout));
    Object.keys((narrow.matches && meta.narrow) || {}).forEach(function (path) {
      var keys = path.split("."), last = keys.pop();
      keys.reduce(function (inner, key) { return inner[key]; }, made)[last] = meta.narrow[path];
    });
    if (coarse) { made.dragmode = false; } // swiping over a figure scrolls the page
    made.template = data.templates[theme()];
    return made;
  }

  function draw(plot) {
    var figure = data.figures[plot.dataset.figure];
    var layout = arranged(figure.layout);
    if (layout.meta && layout.meta.min_width) {
      plot.style.minWidth = layout.meta.min_width + "px";
      plot.parentNode.tabIndex = 0; // can be scrolled with the keyboard, too
    }
    return Plotly.newPlot(plot, figure.data, layout, config).then(function () {
      plot.on("plotly_click", function (event) {
        var custom = event.points[0].customdata;
        var id = Array.isArray(custom) ? custom[0] : custom;
        if (typeof id === "string" && id) { copy(id); }
      });
    });
  }

  narrow.addEventListener("change", function () { plots.forEach(draw); });

  // one after another, so that the page can be read and scrolled meanwhile
  plots.reduce(function (before, plot) {
    return before.then(function () {
      return new Promise(function (done) { setTimeout(done, 0); });
    }).then(function () { return draw(plot); });
  }, Promise.resolve()).then(function () {
    showTheme();
    root.dataset.ready = "true";
  });
})();
