// Draws the figures, follows the theme, sorts the table, copies ids.
(function () {
  "use strict";
  var root = document.documentElement;
  var data = JSON.parse(document.getElementById("data").textContent);
  var plots = Array.prototype.slice.call(document.querySelectorAll(".plot"));
  var prefersDark = window.matchMedia("(prefers-color-scheme: dark)");
  var coarse = window.matchMedia("(pointer: coarse)").matches;
  var narrow = window.matchMedia("(max-width: 560px)");

  // ---- theme
  function kept(value) {
    try { // storage may be forbidden
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

  var before = kept();
  if (before === "light" || before === "dark") { root.dataset.theme = before; }
  document.getElementById("theme").addEventListener("click", function () {
    root.dataset.theme = theme() === "dark" ? "light" : "dark";
    kept(root.dataset.theme);
    showTheme();
  });
  prefersDark.addEventListener("change", showTheme);

  // ---- copying
  var toast = document.getElementById("toast");
  var hiding;
  function say(sentence) {
    toast.textContent = sentence;
    toast.classList.add("shown");
    clearTimeout(hiding);
    hiding = setTimeout(function () { toast.classList.remove("shown"); }, 2500);
  }

  function copyOldWay(text) { // where pages have no clipboard, as in files of some browsers
    var field = document.createElement("textarea");
    field.value = text;
    field.style.position = "fixed";
    field.style.opacity = "0";
    document.body.appendChild(field);
    field.select();
    var done = document.execCommand("copy");
    field.remove();
    say(done ? "Copied " + text : "This browser does not let the page copy: " + text);
  }

  function copy(text) {
    if (!navigator.clipboard) { copyOldWay(text); return; }
    navigator.clipboard.writeText(text).then(
      function () { say("Copied " + text); },
      function () { copyOldWay(text); }
    );
  }

  document.addEventListener("click", function (event) {
    var button = event.target.closest("[data-copy]");
    if (button) { copy(button.dataset.copy); }
  });

  // ---- table
  function compare(one, other) {
    var numbers = [parseFloat(one), parseFloat(other)];
    if (isNaN(numbers[0]) || isNaN(numbers[1])) { return one < other ? -1 : one > other ? 1 : 0; }
    return numbers[0] - numbers[1];
  }

  function sortBy(header) {
    var row = header.parentNode;
    var place = Array.prototype.indexOf.call(row.children, header);
    var way = header.getAttribute("aria-sort") === "ascending" ? "descending" : "ascending";
    Array.prototype.forEach.call(row.children, function (one) { one.setAttribute("aria-sort", "none"); });
    header.setAttribute("aria-sort", way);
    var body = header.closest("table").tBodies[0];
    var number = header.classList.contains("number");
    Array.prototype.slice.call(body.rows).sort(function (one, other) {
      var values = [one, other].map(function (r) { return r.cells[place].dataset.value; });
      if ((values[0] === "") !== (values[1] === "")) { return values[0] === "" ? 1 : -1; } // unknown comes last
      var order = number ? compare(values[0], values[1]) : values[0].localeCompare(values[1]);
      return way === "ascending" ? order : -order;
    }).forEach(function (one) { body.appendChild(one); });
  }

  Array.prototype.forEach.call(document.querySelectorAll("button.sort"), function (button) {
    button.addEventListener("click", function () { sortBy(button.closest("th")); });
  });

  // ---- figures
  var config = {
    responsive: true, displaylogo: false, plotlyServerURL: "",
    // named one by one: plotly's own choice has a button that sends the data to a server
    modeBarButtons: [["toImage"], ["zoom2d", "pan2d", "zoomIn2d", "zoomOut2d", "resetScale2d"]],
    displayModeBar: coarse ? false : "hover", toImageButtonOptions: { format: "svg" }
  };

  function arranged(layout) { // for this window: what `meta.narrow` says, where it is
    var meta = layout.meta || {};
    var made = JSON.parse(JSON.stringify(layout));
    Object.keys((narrow.matches && meta.narrow) || {}).forEach(function (path) {
      var keys = path.split("."), last = keys.pop();
      keys.reduce(function (inner, key) { return inner[key]; }, made)[last] = meta.narrow[path];
    });
    if (coarse) { made.dragmode = false; } // a finger on a figure scrolls the page
    made.template = data.templates[theme()];
    return made;
  }

  function draw(plot) {
    var figure = data.figures[plot.dataset.figure];
    var layout = arranged(figure.layout);
    if (layout.meta && layout.meta.min_width) {
      plot.style.minWidth = layout.meta.min_width + "px";
      plot.parentNode.tabIndex = 0; // scrolled with the keyboard too
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

  // one after the other: the page can be read and scrolled meanwhile
  plots.reduce(function (before, plot) {
    return before.then(function () {
      return new Promise(function (done) { setTimeout(done, 0); });
    }).then(function () { return draw(plot); });
  }, Promise.resolve()).then(function () {
    showTheme();
    root.dataset.ready = "true";
  });
})();
