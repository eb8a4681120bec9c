//! Pages for people: what goes on, what waits, what comes, what was. Written on the server, so that they tell the same
//! without a script; a script of our own puts what has changed in its place, and nothing is fetched from elsewhere.
//!
//! | page | what it shows |
//! |---|---|
//! | [`overview`] | all that goes on, the last nights, what waits and comes next |
//! | [`running`] | a run that goes on |
//! | [`finished`] | a run that has ended: its report |
//! | [`profile`] | the runs of a profile and their trends |
//! | [`queue`], [`schedule`] | jobs, and what comes when |
//! | [`problem`] | that something is not there |

mod finished;
mod lists;
mod overview;
mod parts;
mod profile;
mod running;
mod tables;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use soakd_reports::render::html::{Shell, sheet};
use soakd_reports::render::markup::markup;

pub use finished::finished;
pub use lists::{queue, schedule};
pub use overview::{Overview, overview};
pub use profile::profile;
pub use running::{Running, running};

/// For whom and when a page is made.
#[derive(Debug, Clone)]
pub struct View {
    /// The moment that spans of time are counted from.
    pub now: Timestamp,
    /// The zone in which times are written; a script writes them in that of the viewer.
    pub zone: TimeZone,
    /// Version of soakd.
    pub version: String,
}

/// A page, with the policy that its answer should carry as a header too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The page.
    pub html: String,
    /// `Content-Security-Policy` of its answer.
    pub policy: String,
}

/// Where a page is among the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Overview,
    Queue,
    Schedule,
    Elsewhere,
}

/// Whether a page changes while it is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pace {
    Live,
    Still,
}

const SHEET: &str = include_str!("pages/style.css");
const SCRIPT: &str = include_str!("pages/live.js");

/// What pages may do besides being styled and running their script: ask the daemon that they came from, show the sign of
/// the window. A header can also keep others from framing them.
const FETCH: &str = "; connect-src 'self'; img-src data:";
const FRAME: &str = "; frame-ancestors 'none'";

/// The sign of the window, inside the page so that nothing is asked for it.
const ICON: &str = "<link rel=\"icon\" href=\"data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E\
    %3Crect width='16' height='16' rx='3' fill='%232563af'/%3E%3Cpath d='M2.5 11.5l3-3 3 1.5 5-6' fill='none' stroke='white' \
    stroke-width='2'/%3E%3C/svg%3E\">\n";

/// Without a script, a page that changes is loaded again so often, in seconds.
const RELOAD: &str = "<noscript><meta http-equiv=\"refresh\" content=\"10\"></noscript>\n";

/// What a page shows.
struct Content {
    title: String,
    place: Place,
    pace: Pace,
    /// What stands in `main`, as markup.
    main: String,
    /// Sheet and script besides those of every page.
    sheet: String,
    script: String,
}

impl Content {
    fn new(title: &str, place: Place, pace: Pace, main: String) -> Self {
        Self { title: title.to_owned(), place, pace, main, sheet: String::new(), script: String::new() }
    }

    fn page(&self, view: &View) -> Page {
        let link = |place: Place, path: &str, name: &str| {
            let current = if place == self.place { " aria-current=\"page\"" } else { "" };
            format!("<li><a href=\"{path}\"{current}>{name}</a></li>")
        };
        let live = match self.pace {
            Pace::Live => " data-live",
            Pace::Still => "",
        };
        let body = format!(
            "<a class=\"skip\" href=\"#main\">Skip to the content</a>\n\
             <header class=\"site\">\n<p class=\"brand\"><a href=\"/\">soakd</a></p>\n\
             <nav aria-label=\"Pages\"><ul>{}{}{}</ul></nav>\n\
             <p class=\"link\" id=\"link\" role=\"status\"></p>\n</header>\n\
             <main id=\"main\" tabindex=\"-1\"{live}>\n{}</main>\n\
             <footer class=\"site\">soakd {} · <a href=\"/api/v1/openapi.json\">API</a> · <a href=\"/metrics\">metrics</a> · \
             as of {}</footer>\n",
            link(Place::Overview, "/", "Overview"),
            link(Place::Queue, "/queue", "Queue"),
            link(Place::Schedule, "/schedule", "Schedule"),
            self.main,
            markup(&view.version),
            parts::moment(view, view.now)
        );
        let sheet = format!("{}{}\n{SHEET}", self.sheet, sheet());
        let script = format!("{}{SCRIPT}", self.script);
        let more = match self.pace {
            Pace::Live => format!("{ICON}{RELOAD}"),
            Pace::Still => ICON.to_owned(),
        };
        let title = format!("{} · soakd", self.title);
        let shell = Shell { title: &title, sheet: &sheet, script: &script, more: &more, body: &body };
        Page { html: shell.html(FETCH), policy: shell.policy(&format!("{FETCH}{FRAME}")) }
    }
}

/// That something is not there or cannot be shown: a heading, and what happened in a sentence.
#[must_use]
pub fn problem(view: &View, title: &str, message: &str) -> Page {
    let main = format!(
        "<h1>{}</h1>\n<p>{}</p>\n<p><a href=\"/\">To the overview</a></p>\n",
        markup(title),
        parts::code(message)
    );
    Content::new(title, Place::Elsewhere, Pace::Still, main).page(view)
}

#[cfg(test)]
mod tests;
