//! What tests are written with: a service without a socket, people who use it, a clock that is set.

mod answer;
mod app;
mod clock;
#[cfg(feature = "server-tests")]
pub(crate) mod mail;
pub(crate) mod process;
#[cfg(feature = "server-tests")]
pub(crate) mod proxy;
#[cfg(feature = "server-tests")]
pub(crate) mod redis;
#[cfg(feature = "server-tests")]
pub(crate) mod servers;

pub(crate) use answer::Answer;
pub(crate) use app::{
    Backend, LOGIN, PASSWORD, Persona, REGISTER, TestApp, backend_settings, config, post_request,
};
pub(crate) use clock::TestClock;

/// Runs each of these tests on the embedded default and, where `make test` has started the servers,
/// on MongoDB and Redis; a failure names the test and the backend.
macro_rules! on_every_backend {
    ($($name:ident),+ $(,)?) => {
        $crate::support::on_every_backend!(&[]; $($name),+);
    };
    ($settings:expr; $($name:ident),+ $(,)?) => {
        mod embedded {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    let backend = $crate::support::Backend::Embedded;
                    super::$name(&$crate::support::TestApp::with(backend, $settings).await).await;
                }
            )+
        }

        #[cfg(feature = "server-tests")]
        mod mongodb_and_redis {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    let backend = $crate::support::Backend::MongoDbAndRedis;
                    super::$name(&$crate::support::TestApp::with(backend, $settings).await).await;
                }
            )+
        }
    };
}
pub(crate) use on_every_backend;
